"""Hostile recordings, tables, archives and servers: a clear message, and nothing half-written."""

from __future__ import annotations

import bz2
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

import fileserver
from fileserver import FileServer, serving
from soundbench import archives, fetching
from soundbench.archives import unpack
from soundbench.datasets import esc50
from soundbench.errors import InputError
from soundbench.fetching import download

ESC50_HEADER = "filename,fold,target,category,esc10,src_file,take\n"


def message(call: Callable[..., Any], *arguments: Any) -> str:
    """The message with which a call refuses its input."""
    with pytest.raises(InputError) as refused:
        call(*arguments)
    return str(refused.value)


def zipped(path: Path, members: dict[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


ARCHIVES: dict[str, tuple[dict[str, bytes], dict[str, Any], str]] = {
    "bomb": (
        {f"{number}.wav": bytes(60_000_000) for number in range(2)},
        {"compression": zipfile.ZIP_DEFLATED, "compresslevel": 1},
        "would become 120 MB, more than recordings ever do",
    ),
    "name too long": ({"x" * 300: b""}, {}, "cannot be unpacked (File name too long)"),
    "file and folder": ({"a": b"", "a/b.wav": b""}, {}, "cannot be unpacked"),
    "folder and file": ({"a/b.wav": b"", "a": b""}, {}, "cannot be unpacked"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_hostile_archives_leave_nothing(tmp_path: Path, case: str) -> None:
    members, options, expected = ARCHIVES[case]
    zipped(tmp_path / "bad.zip", members, **options)
    assert expected in message(unpack, tmp_path / "bad.zip", tmp_path / "in" / "recordings")
    assert list((tmp_path / "in").iterdir()) == []


def test_a_compressed_stream_that_is_damaged_is_the_archives_fault(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "bad.zip", {"a.wav": bytes(range(256)) * 40}, compression=zipfile.ZIP_BZIP2)
    content = archive.read_bytes()
    stream = content.index(bz2.compress(b"")[:3])
    archive.write_bytes(content[: stream + 4] + b"damaged!" + content[stream + 12 :])
    assert "bad.zip" in message(unpack, archive, tmp_path / "in" / "recordings")
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("call", ["unpack", "download"])
def test_what_does_not_fit_the_disk_is_refused_before_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer, call: str
) -> None:
    zipped(server.folder / "fine.zip", {"a.wav": bytes(1000)})
    monkeypatch.setattr(archives, "free_bytes", lambda path: archives.RESERVE + 500)
    if call == "unpack":
        found = message(unpack, server.folder / "fine.zip", tmp_path / "in" / "recordings")
    else:
        found = message(download, server.url("fine.zip"), tmp_path / "in" / "fine.zip")
    assert "needs 0 MB, but" in found
    assert "100 MB left" in found


def test_a_download_of_unknown_size_stops_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer
) -> None:
    (server.folder / "endless.zip").write_bytes(bytes(1000))
    server.length = False
    monkeypatch.setattr(fetching, "free_bytes", lambda path: archives.RESERVE)
    assert "the disk is nearly full" in message(download, server.url("endless.zip"), tmp_path / "endless.zip")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(fetching, "PAUSE", 0.001)
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as server:
        yield server


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer, status: int
) -> None:
    (server.folder / "fine.zip").write_bytes(b"content")
    answer, refusals = fileserver._Handler.do_GET, iter([status] * 2)

    def refuse_twice(handler: BaseHTTPRequestHandler) -> None:
        refusal = next(refusals, None)
        handler.send_error(refusal) if refusal else answer(handler)

    monkeypatch.setattr(fileserver._Handler, "do_GET", refuse_twice)
    download(server.url("fine.zip"), tmp_path / "fine.zip")
    assert (tmp_path / "fine.zip").read_bytes() == b"content"
    refusals = iter([status] * 9)
    assert f"the server answers {status}" in message(download, server.url("fine.zip"), tmp_path / "again.zip")


ESC50_ROWS = {
    "../../../etc/passwd,1,0,dog,True,1,A": "row 1: the path ../../../etc/passwd leads out of the folder audio",
    "/etc/passwd,1,0,dog,True,1,A": "row 1: the path /etc/passwd is absolute",
    ",1,0,dog,True,1,A": "row 1: filename is empty",
    "a.wav,1,0,,True,1,A": "row 1: category is empty",
    "a.wav,one,0,dog,True,1,A": "row 1: fold should be a whole number from 1, but is 'one'",
    'a.wav,1,0,"dog,True,1,A': "cannot be read as a table",
}


@pytest.mark.parametrize("row", ESC50_ROWS)
def test_the_table_of_esc50_is_not_trusted(tmp_path: Path, row: str) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text(ESC50_HEADER + row)
    assert ESC50_ROWS[row] in message(esc50.read, tmp_path)
