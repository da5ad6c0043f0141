"""Downloads and archives: whole and verified, or not there at all. A server on loopback stands for the network."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from helpers.fileserver import FileServer, serving
from helpers.library import index
from helpers.workflow import Workflow
from soundbench.core.errors import InputError
from soundbench.data import download as fetching
from soundbench.data.download import download, unpack
from soundbench.data.index import fetch_source
from soundbench.data.readers import esc50

BODY = np.random.default_rng(0).bytes(3_000_000)
NAMES = [f"{speaker:02d}a{text:02d}{emotion}a.wav" for speaker in range(3) for text in range(4) for emotion in "WLF"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PAUSE", 0.001)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file.zip").write_bytes(BODY)
    with serving(folder) as server:
        yield server


@pytest.fixture
def small_emodb(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an archive like EmoDB's, but with fewer utterances."""
    names = sorted(Path(name).stem for name in NAMES)
    monkeypatch.setattr("soundbench.data.readers.emodb.UTTERANCES", len(NAMES))
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    monkeypatch.setattr("soundbench.data.readers.emodb.NAMES_SHA256", digest)
    with zipfile.ZipFile(server.folder / "emodb.zip", "w") as archive:
        for number, name in enumerate(NAMES):
            soundfile.write(server.folder / name, np.full(20000, number / 100), 16000)
            archive.write(server.folder / name, f"wav/{name}")
    return server.url("emodb.zip")


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_download_is_the_file_and_nothing_else_is_left(server: FileServer, tmp_path: Path) -> None:
    download(server.url("file.zip"), tmp_path / "here" / "file.zip")
    assert (tmp_path / "here" / "file.zip").read_bytes() == BODY
    assert left_in(tmp_path / "here") == {"file.zip"}


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_resumes_after_a_broken_connection(
    server: FileServer, tmp_path: Path, ranges: bool, length: bool
) -> None:
    server.cut_after, server.cuts, server.ranges, server.length = 1_000_000, 2, ranges, length
    download(server.url("file.zip"), tmp_path / "file.zip")
    assert (tmp_path / "file.zip").read_bytes() == BODY
    assert len(server.requests) == 3
    resumed = [asked for asked in server.requests if asked]
    assert len(resumed) == (2 if ranges else 0)


def test_an_abandoned_download_resumes_later(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    server.cut_after, server.cuts = 1_000_000, 1
    with pytest.raises(InputError, match="run again to resume"):
        download(server.url("file.zip"), tmp_path / "file.zip")
    assert not (tmp_path / "file.zip").exists()
    have = (tmp_path / "file.part").stat().st_size
    assert have > 500_000
    download(server.url("file.zip"), tmp_path / "file.zip")
    assert (tmp_path / "file.zip").read_bytes() == BODY
    assert server.requests == [None, f"bytes={have}-"]


def test_a_file_that_changed_meanwhile_is_fetched_from_its_beginning(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 1)
    server.cut_after, server.cuts = 1_000_000, 1
    with pytest.raises(InputError):
        download(server.url("file.zip"), tmp_path / "file.zip")
    (server.folder / "file.zip").write_bytes(BODY[::-1])
    os.utime(server.folder / "file.zip", (1, 1))
    download(server.url("file.zip"), tmp_path / "file.zip")
    assert (tmp_path / "file.zip").read_bytes() == BODY[::-1]


def test_a_part_that_is_complete_already_does_not_stand_in_the_way(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(BODY)
    (tmp_path / "file.version").write_text(f'"{(server.folder / "file.zip").stat().st_mtime_ns}"')
    download(server.url("file.zip"), tmp_path / "file.zip")
    assert (tmp_path / "file.zip").read_bytes() == BODY


def test_no_server_and_no_file_say_what_else_can_be_done(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"404.*root"):
        download(server.url("nothing.zip"), tmp_path / "file.zip")
    assert len(server.requests) == 1
    with pytest.raises(InputError, match="root"):
        download("http://127.0.0.1:9/file.zip", tmp_path / "file.zip")
    assert not (tmp_path / "file.zip").exists()


def test_two_processes_do_not_write_one_download(server: FileServer, tmp_path: Path) -> None:
    with open(tmp_path / "file.part", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another process"):
            download(server.url("file.zip"), tmp_path / "file.zip")


def test_progress_is_log_lines_where_there_is_no_terminal(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fetching, "REPORT_EVERY", 0.0)
    with caplog.at_level("INFO"):
        download(server.url("file.zip"), tmp_path / "file.zip")
    assert "of 3 MB" in caplog.text
    assert "3.0 MB are complete" in caplog.text


def test_a_source_is_fetched_verified_and_indexed(small_emodb: str, server: FileServer, tmp_path: Path) -> None:
    digest = hashlib.md5((server.folder / "emodb.zip").read_bytes()).hexdigest()
    source = {"reader": "emodb", "url": small_emodb, "checksum": f"md5:{digest}"}
    home = tmp_path / "sources" / "emodb"
    fetch_source(source, home / "fetched.json")
    assert left_in(home) == {"fetched.json", "origin.json", "recordings"}
    assert digest in (home / "origin.json").read_text()
    assert "`origin.json`" in esc50.SETTINGS["checksum"]["description"]
    index(source, home / "recordings", tmp_path / "clips.csv")
    assert len(pd.read_csv(tmp_path / "clips.csv")) == len(NAMES)


def test_complete_data_are_not_fetched_again(small_emodb: str, server: FileServer, tmp_path: Path) -> None:
    source = {"reader": "emodb", "url": small_emodb, "checksum": None}
    manifest = tmp_path / "emodb" / "fetched.json"
    fetch_source(source, manifest)
    fetch_source(source, manifest)
    assert len(server.requests) == 1
    next((manifest.parent / "recordings" / "wav").iterdir()).unlink()
    fetch_source(source, manifest)
    assert len(server.requests) == 2
    assert len(list((manifest.parent / "recordings" / "wav").iterdir())) == len(NAMES)


def test_an_archive_that_is_here_is_not_fetched_again_after_a_crash(
    small_emodb: str, server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise OSError("no space left on device")

    source, manifest = {"reader": "emodb", "url": small_emodb, "checksum": None}, tmp_path / "emodb" / "fetched.json"
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr(fetching, "unpack", crash)
        fetch_source(source, manifest)
    assert not manifest.exists()
    fetch_source(source, manifest)
    assert manifest.exists()
    assert len(server.requests) == 1


def test_an_archive_with_another_digest_is_refused(small_emodb: str, tmp_path: Path) -> None:
    source = {"reader": "emodb", "url": small_emodb, "checksum": "md5:" + "0" * 32}
    manifest = tmp_path / "emodb" / "fetched.json"
    with pytest.raises(InputError, match=r"the archive has the digest (md5:\w+), but .*write `checksum: \1`"):
        fetch_source(source, manifest)
    assert left_in(manifest.parent) == set()


def test_the_first_download_without_a_digest_is_trusted_and_no_other_one_later(
    small_emodb: str, server: FileServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, manifest = {"reader": "emodb", "url": small_emodb, "checksum": None}, tmp_path / "emodb" / "fetched.json"
    fetch_source(source, manifest)
    assert "its first download is trusted" in caplog.text
    assert "the server has no https" in caplog.text
    digest = hashlib.sha256((server.folder / "emodb.zip").read_bytes()).hexdigest()
    assert json.loads(manifest.read_text())["checksum"] == f"sha256:{digest}"
    next((manifest.parent / "recordings" / "wav").iterdir()).unlink()
    with zipfile.ZipFile(server.folder / "emodb.zip", "a") as archive:
        archive.writestr("remark.txt", "not the same")
    with pytest.raises(InputError, match="but the first one had"):
        fetch_source(source, manifest)


@pytest.mark.parametrize("damage", ["cut off", "altered", "incomplete"])
def test_damaged_downloads_leave_no_files(small_emodb: str, server: FileServer, tmp_path: Path, damage: str) -> None:
    archive = server.folder / "emodb.zip"
    body = bytearray(archive.read_bytes())
    if damage == "cut off":
        body = body[: len(body) // 2]
    elif damage == "altered":
        body[2000] ^= 255
    archive.write_bytes(body)
    if damage == "incomplete":
        with zipfile.ZipFile(archive, "w") as shorter:
            shorter.write(server.folder / NAMES[0], f"wav/{NAMES[0]}")
    manifest = tmp_path / "emodb" / "fetched.json"
    with pytest.raises(InputError, match=r"damaged|36 utterances, but 1 are here"):
        fetch_source({"reader": "emodb", "url": small_emodb, "checksum": None}, manifest)
    assert left_in(manifest.parent) == set()


@pytest.mark.parametrize("name", ["../evil.wav", "/evil.wav", "wav/../../evil.wav", "..\\evil.wav", "C:\\evil.wav"])
def test_archives_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("wav/fine.wav", b"")
        archive.writestr(name, b"")
        archive.writestr("../another.wav", b"")
    with pytest.raises(InputError) as refused:
        unpack(tmp_path / "bad.zip", tmp_path / "in" / "recordings")
    assert len(refused.value.problems) == 2
    assert "../another.wav: leads out" in str(refused.value)
    assert left_in(tmp_path / "in") == set()
    assert not list(tmp_path.rglob("*.wav"))


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("wav/link.wav")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match=r"wav/link.wav: is a link"):
        unpack(tmp_path / "bad.zip", tmp_path / "in" / "recordings")


def test_a_refused_archive_leaves_the_previous_files(tmp_path: Path) -> None:
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "kept.wav").touch()
    (tmp_path / "bad.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match="not a zip archive"):
        unpack(tmp_path / "bad.zip", tmp_path / "recordings")
    assert left_in(tmp_path / "recordings") == {"kept.wav"}


def test_esc50_is_verified_clip_by_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(esc50, "CLIPS", 4)
    (tmp_path / "ESC-50-master" / "audio").mkdir(parents=True)
    (tmp_path / "ESC-50-master" / "meta").mkdir()
    names = [f"1-{number}-A-0.wav" for number in range(4)]
    rows = [f"{name},1,0,dog,True,{number},A" for number, name in enumerate(names)]
    header = "filename,fold,target,category,esc10,src_file,take"
    (tmp_path / "ESC-50-master" / "meta" / "esc50.csv").write_text("\n".join([header, *rows]))
    for name in names:
        soundfile.write(tmp_path / "ESC-50-master" / "audio" / name, np.zeros(5 * 44100), 44100)
    esc50.verify(tmp_path)
    soundfile.write(tmp_path / "ESC-50-master" / "audio" / names[0], np.zeros(44100), 44100)
    (tmp_path / "ESC-50-master" / "audio" / names[1]).unlink()
    monkeypatch.setattr(esc50, "CLIPS", 2000)
    with pytest.raises(InputError) as refused:
        esc50.verify(tmp_path)
    assert len(refused.value.problems) == 3


@pytest.mark.slow
def test_a_fetch_that_fails_stops_the_workflow_with_a_reason(workflow: Workflow, server: FileServer) -> None:
    sources = {"emodb": {"url": server.url("missing.zip")}}
    overlay = workflow.overlay("own", sources=sources, benchmark={"datasets": ["emodb"]})
    done = workflow.run("results/clips/emodb.csv", "--cores", "1", "--configfile", overlay, check=False)
    assert done.returncode != 0
    assert "missing.zip: cannot be fetched (404" in done.stdout
    assert "Traceback" not in done.stdout
    assert not list(workflow.results.rglob("fetched.json"))
