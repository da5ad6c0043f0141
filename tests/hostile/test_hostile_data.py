"""Hostile recordings, tables, archives and servers: a clear message, and nothing half-written."""

from __future__ import annotations

import bz2
import os
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import soundfile

from helpers import fileserver
from helpers.fileserver import FileServer, serving
from helpers.library import configuration, front_end, index
from soundbench.core import capacity
from soundbench.core.errors import InputError
from soundbench.data import download as fetching
from soundbench.data.archives import unpack
from soundbench.data.audit import read_measures
from soundbench.data.download import download
from soundbench.data.files import folders_below
from soundbench.data.index import read_clips
from soundbench.data.inspection import inspect_clip
from soundbench.data.parts import part_path
from soundbench.data.readers import esc50
from soundbench.data.subsets import read_view, view_clips
from soundbench.features.size import check_size, check_whole_clips, long_clips
from soundbench.inference.recordings import find_recordings
from soundbench.inference.windows import ModelInput, recording_windows
from soundbench.report.drawing import figure
from soundbench.report.pages.audit import audit_clips

LOGMEL = [ModelInput(front_end("logmel64"), (64, 44))]  # of a second
HOLDOUT = {"scheme": "holdout", "protocol": "nested"}
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
        "would become 120 MB. Audio does not compress so much",
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
def test_arrays_that_do_not_fit_the_disk_are_refused_before_work_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer, call: str
) -> None:
    zipped(server.folder / "fine.zip", {"a.wav": bytes(1000)})
    monkeypatch.setattr(capacity, "free_bytes", lambda path: capacity.RESERVE + 500)
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
    monkeypatch.setattr(fetching, "free_bytes", lambda path: capacity.RESERVE)
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
    assert f"the server answered {status}" in message(download, server.url("fine.zip"), tmp_path / "again.zip")


@pytest.mark.parametrize(
    ("ok", "address", "kind", "expected"),
    [
        (True, "https://a.org/a.zip", "application/zip", "https://a.org/a.zip"),
        (True, "http://a.org/a.zip", "application/zip", "http://a.org/a.zip"),
        (True, "https://a.org/welcome", "text/html; charset=utf-8", "http://a.org/a.zip"),
        (False, "https://a.org/a.zip", "application/zip", "http://a.org/a.zip"),
    ],
)
def test_https_is_taken_where_it_serves_the_same(
    monkeypatch: pytest.MonkeyPatch, ok: bool, address: str, kind: str, expected: str
) -> None:
    answer = MagicMock(ok=ok, url=address, headers={"Content-Type": kind})
    answer.__enter__.return_value = answer
    monkeypatch.setattr(fetching.requests, "head", lambda url, **_: answer)
    assert fetching.encrypted("http://a.org/a.zip") == expected


ESC50_ROWS = {
    "../../../etc/passwd,1,0,dog,True,1,A": "row 1: the path ../../../etc/passwd leads out of the folder audio",
    "/etc/passwd,1,0,dog,True,1,A": "row 1: the path /etc/passwd is absolute",
    ",1,0,dog,True,1,A": "row 1: filename is empty",
    "a.wav,1,0,,True,1,A": "row 1: category is empty",
    "a.wav,one,0,dog,True,1,A": "row 1: fold should be a whole number from 1, but is 'one'",
    'a.wav,1,0,"dog,True,1,A': "cannot be read as a table",
}


@pytest.mark.parametrize("row", ESC50_ROWS)
def test_the_table_of_esc50_is_checked(tmp_path: Path, row: str) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text(ESC50_HEADER + row)
    assert ESC50_ROWS[row] in message(esc50.read, tmp_path)


def write(path: Path, seconds: float = 0.1, value: float | None = None, **options: Any) -> None:
    """Write noise, or a constant, as audio; also under names that are no UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(str(path))).uniform(-0.5, 0.5, round(seconds * 16000))
    with path.open("wb") as file:
        samples = noise if value is None else np.full_like(noise, value)
        soundfile.write(file, samples, 16000, format=path.suffix[1:].upper(), **options)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder of recordings with two labels."""
    for label in ("cat", "dog"):
        for number in range(3):
            write(tmp_path / "own" / label / f"{number}.wav")
    return tmp_path / "own"


def notes(root: Path, reader: str = "folder") -> str:
    """What a reader notes of a source."""
    return "\n".join(read_clips({"reader": reader}, root).attrs["notes"])


# The first line of a table, and what is said of it; the columns are path, label and these.
COLUMNS = {
    "Group": "the column 'Group' would not be used. Name it `group`",
    "grp": "the column 'grp' would not be used",
    "groups": "the column 'groups' would not be used",
    "gruop": "the column 'gruop' would not be used",
    "speaker": "Name it `group` if clips of one speaker must not be on two sides of a split",
    "Speaker ID": "the column 'Speaker ID' would not be used",
    "subjects": "the column 'subjects' would not be used",
    "session_id": "the column 'session_id' would not be used",
    "Fold": "the column 'Fold' would not be used. Name it `fold`",
    "group,group": "has several columns named group",
    "group,Group": "has several columns named group",
    "Label": "has several columns named label",
    "age,age": "has several columns named age",
}


@pytest.mark.parametrize("columns", COLUMNS)
def test_columns_that_may_be_meant_otherwise_are_refused(own: Path, columns: str) -> None:
    values = ",1" * (1 + columns.count(","))
    (own / "clips.csv").write_text(f"path,label,{columns}\ncat/0.wav,cat{values}\ndog/0.wav,dog{values}\n")
    assert COLUMNS[columns] in message(read_clips, {"reader": "csv"}, own / "clips.csv")


def test_misnamed_columns_that_are_needed_get_a_hint(own: Path) -> None:
    (own / "clips.csv").write_text("Filename,class\ncat/0.wav,cat\n")
    found = message(read_clips, {"reader": "csv"}, own / "clips.csv")
    assert "is 'Filename' the path?; is 'class' the label?" in found


@pytest.mark.parametrize("columns", ["group,speaker", "group,folder", "group,remark", "age,ground,older"])
def test_columns_that_are_not_used_are_noted(own: Path, columns: str) -> None:
    values = "".join(f",{number}" for number in range(1, 2 + columns.count(",")))
    (own / "clips.csv").write_text(f"path,label,{columns}\ncat/0.wav,cat{values}\ndog/0.wav,dog{values}\n")
    unused = ", ".join(name for name in columns.split(",") if name != "group")
    assert f"columns that are not used: {unused}" in notes(own / "clips.csv", "csv")
    assert ("names no groups" in notes(own / "clips.csv", "csv")) == ("group" not in columns)


def test_notes_reach_log_and_audit(own: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (own / "clips.csv").write_text("path,label,age\ncat/0.wav,cat,1\ndog/0.wav,dog,2\n")
    table = tmp_path / "out" / "clips.csv"
    index({"reader": "csv"}, own / "clips.csv", table)
    assert "columns that are not used: age" in caplog.text
    view = configuration(datasets={"own": {"source": "synthetic", "split": HOLDOUT}})["datasets"]["own"]
    made = [table.with_suffix(suffix) for suffix in (".measures", ".npz", ".json")]
    audit_clips(*made, "own", view, tmp_path / "audit.csv", tmp_path / "audit.html")
    assert "columns that are not used: age" in (tmp_path / "audit.html").read_text()
    found = pd.read_csv(tmp_path / "audit.csv").query("check == 'source'")
    assert ["names no groups" in detail for detail in found["detail"]] == [True, False]
    assert list(found["severity"]) == ["warning", "note"], "the verdict warns of the former only"


def test_labels_and_groups_have_one_form(own: Path) -> None:
    composed, decomposed = "Käuzchen", unicodedata.normalize("NFD", "Käuzchen")
    rows = [f"cat/0.wav,{decomposed},Anna", f"cat/1.wav,{composed},anna", "dog/0.wav,Dog,b", "dog/1.wav,dog,b"]
    (own / "clips.csv").write_text("path,label,group\n" + "\n".join(rows))
    clips = read_clips({"reader": "csv"}, own / "clips.csv")
    assert list(clips["label"]) == [composed, composed, "Dog", "dog"]
    assert clips.attrs["notes"] == [
        "labels that differ only in case, form or blanks: Dog, dog",
        "groups that differ only in case, form or blanks: Anna, anna",
    ]
    view = configuration(datasets={"own": {"source": "synthetic", "keep": [decomposed, "dog"], "split": HOLDOUT}})
    assert set(view_clips(clips, view["datasets"]["own"])["label"]) == {composed, "dog"}


@pytest.mark.parametrize(
    ("speakers", "groups"),
    [
        (["7", "007", "08"], ["7", "007", "08"]),
        (["Käuzchen", unicodedata.normalize("NFD", "Käuzchen"), "käuzchen"], ["Käuzchen", "Käuzchen", "käuzchen"]),
    ],
)
def test_groups_that_a_view_names_are_text_in_one_form(
    own: Path, tmp_path: Path, speakers: list[str], groups: list[str]
) -> None:
    rows = [f"{label}/{number}.wav,{label},{speakers[number]}\n" for label in ("cat", "dog") for number in range(3)]
    (own / "clips.csv").write_text("path,label,speaker\n" + "".join(rows))
    columns = {name: name for name in ("path", "label", "speaker")}
    index({"reader": "csv", "table": "clips.csv", "columns": columns}, own, tmp_path / "clips.csv")
    view: dict[str, Any] = {"source": "synthetic", "group": ["speaker"], "split": HOLDOUT}
    assert list(read_view(tmp_path / "clips.csv", view)["group"]) == groups * 2
    assert list(read_measures(tmp_path / "clips.measures", view["group"])["speaker"]) == groups * 2
    similar = "speakers that differ only in case, form or blanks: Käuzchen, käuzchen"
    assert (similar in (tmp_path / "clips.json").read_text()) == ("Käuzchen" in groups)


LATIN1 = os.fsdecode(b"caf\xe9")
NAMES = {
    f"cat/{LATIN1}.wav": r"cat/caf\xe9.wav: the name of the file is not in UTF-8; rename it",
    f"{LATIN1}/a.wav": r"the label caf\xe9 is not in UTF-8; rename it",
    "cat/a\rb.wav": r"cat/a\rb.wav: the name of the file holds control characters",
    "a\x1bb/a.wav": r"the label a\x1bb holds control characters",
    "a\nb/a.wav": r"the label a\nb holds control characters",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_table_or_figure_can_hold_are_refused(own: Path, name: str) -> None:
    write(own / name)
    assert NAMES[name] in message(read_clips, {"reader": "folder"}, own)


def test_recordings_to_predict_whose_names_are_no_text_are_named(own: Path) -> None:
    write(own / "cat" / f"{LATIN1}.wav")
    assert r"caf\xe9.wav: the name of the file is not in UTF-8" in message(find_recordings, [str(own)], [])


@pytest.mark.parametrize("task", ["single-label", "multi-label"])
@pytest.mark.parametrize("label", ["clip", "fold", "label", "predicted", "seed", "group", "other_group"])
def test_labels_named_like_columns_of_the_predictions_are_refused(label: str, task: str) -> None:
    clips = pd.DataFrame({"clip": ["a", "b"], "label": ["dog", label]})
    expected = f"no label may have the name of a column of the predictions: {label}; `merge` can rename it"
    assert expected in message(view_clips, clips, {"task": task})
    view_clips(clips, {"task": task, "merge": {"renamed": [label]}})


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda own: write(own / "__dog" / "a.wav"), "__dog: its name begins with __; its recordings were skipped"),
        (lambda own: write(own / ".hen" / "a.wav"), ".hen: its name begins with .; its recordings were skipped"),
        (lambda own: write(own / "cat" / ".b" / "a.wav"), ".b: its name begins with .; skipped"),
        (lambda own: write(own / "cat" / ".a.wav"), ".a.wav: its name begins with .; skipped"),
        (lambda own: (own / "cat" / "more").symlink_to(own), "cat/more: is a link to a folder; skipped"),
        (lambda own: (own / "hen").symlink_to(moved(own)), "hen: is a link to a folder, and was followed"),
        (lambda own: (own / "cat" / "a.txt").touch(), "1 × .txt"),
        (lambda own: write(own / "a.wav"), "skipped 1 audio files beside the sub-folders"),
    ],
)
def test_files_that_the_folder_reader_skips_are_noted(own: Path, make: Callable[[Path], None], expected: str) -> None:
    make(own)
    assert expected in notes(own)


def moved(own: Path) -> Path:
    """A folder of recordings elsewhere."""
    write(own.parent / "elsewhere" / "a.wav")
    return own.parent / "elsewhere"


def test_hidden_files_of_macos_in_archives_are_not_noted(own: Path) -> None:
    (own / "__MACOSX" / "cat").mkdir(parents=True)
    for place in (own / "__MACOSX" / "cat" / "._0.wav", own / "cat" / "._0.wav", own / ".DS_Store"):
        place.touch()
    assert notes(own) == ""


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("reader", ["folder", "csv"])
def test_one_file_has_one_label(own: Path, reader: str, link: Callable[[Path, Path], None]) -> None:
    link(own / "cat" / "9.wav", own / "dog" / "0.wav")
    (own / "clips.csv").write_text("path,label\ncat/9.wav,cat\ndog/0.wav,dog\n")
    root = own if reader == "folder" else own / "clips.csv"
    assert "one file has several labels" in message(read_clips, {"reader": reader}, root)


@pytest.mark.parametrize("letter", "{}<>")
def test_paths_that_snakemake_would_misread_are_refused_or_not_watched(own: Path, letter: str) -> None:
    odd = own / f"odd{letter}x"
    write(odd / "a.wav")
    (odd / "clips.csv").write_text("path,label\n")
    assert folders_below(own) == [str(own / "cat"), str(own / "dog")]
    sources = {"a": {"reader": "folder", "root": str(odd)}, "b": {"reader": "csv", "root": str(odd / "clips.csv")}}
    steps = [{"effect": "noise", "recordings": str(odd), "snr": 10}]
    found = message(
        lambda: configuration(
            sources=sources,
            datasets={name: {"source": name, "split": HOLDOUT} for name in sources},
            augmentations={"own": {"steps": steps}},
            benchmark={"datasets": list(sources)},
        )
    )
    for key in ("sources.a.root", "sources.b.root", "augmentations.own.steps.0.recordings"):
        assert f"{key}: {odd}" in found
    write(own / LATIN1 / "a.wav")
    assert str(own / LATIN1) not in folders_below(own)


def cut_short(path: Path) -> None:
    write(path, 3)
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])


def promise_more(path: Path) -> None:
    """Make a FLAC file promise the most samples that its header can name."""
    write(path)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)


RECORDINGS: dict[str, tuple[str, Callable[[Path], None], str, str]] = {
    "cut wav": ("a.wav", cut_short, "is truncated", "is truncated"),
    "cut aiff": ("a.aiff", cut_short, "is truncated", "is truncated"),
    "cut flac": ("a.flac", cut_short, "is truncated", "cannot be read as audio"),
    "cut ogg": ("a.ogg", cut_short, "is truncated", "is truncated"),
    "flac that lies": ("a.flac", promise_more, "declares 68719476735 samples, which need", "cannot be read as audio"),
    "1e30": (
        "a.wav",
        lambda path: write(path, value=1e30, subtype="FLOAT"),
        "the largest sample is 1e+30",
        "the largest sample is 1e+30",
    ),
    "1e300": ("a.wav", lambda path: write(path, value=1e300, subtype="DOUBLE"), "not finite", "not finite"),
    "NaN": ("a.wav", lambda path: write(path, value=np.nan, subtype="FLOAT"), "not finite", "not finite"),
}


@pytest.mark.parametrize("case", RECORDINGS)
@pytest.mark.filterwarnings("error")
def test_recordings_that_training_refuses_are_not_predicted_either(tmp_path: Path, case: str) -> None:
    name, make, trained, predicted = RECORDINGS[case]
    make(tmp_path / name)
    assert trained in inspect_clip(str(tmp_path / name)).detail
    windows = recording_windows(str(tmp_path / name), LOGMEL, 0.5)
    assert predicted in message(list, windows)


def test_a_part_of_a_recording_that_breaks_off_is_not_predicted(tmp_path: Path) -> None:
    """The header of the file promises the samples of the part, some of which are missing."""
    cut_short(tmp_path / "a.mp3")
    windows = recording_windows(part_path(tmp_path / "a.mp3", 1.5, 2.5), LOGMEL, 0.5)
    assert "is truncated" in message(list, windows)
    assert list(recording_windows(part_path(tmp_path / "a.mp3", 0.2, 1.2), LOGMEL, 0.5))


@pytest.mark.slow
def test_recordings_that_are_whole_are_predicted(tmp_path: Path) -> None:
    for name in ("a.wav", "a.aiff", "a.flac", "a.ogg", "a.mp3"):
        write(tmp_path / name, 1.5)
        assert len(list(recording_windows(str(tmp_path / name), LOGMEL, 0.5))) > 1
    write(tmp_path / "loud.wav", 1.5, value=30000.0, subtype="FLOAT")
    assert list(recording_windows(str(tmp_path / "loud.wav"), LOGMEL, 0.5))


@pytest.mark.slow
def test_whole_clips_a_hundred_times_as_long_as_the_median_are_refused() -> None:
    index = pd.DataFrame({"clip": list("abc"), "frames": [200, 200, 20_000]})
    own = front_end("own", front_end="logmel", sample_rate=16000, hop_length=160)
    found = message(check_whole_clips, index, own, "The model", "Set `training.crop`")
    assert "The model takes whole clips, all padded to the longest. Set `training.crop`, or leave out" in found
    assert found.endswith("  - c: lasts 200.0 s, the median 2.0 s")
    assert "c: lasts 20,000 frames, the median 200 frames" in long_clips(index, own | {"sample_rate": None})
    for settings in ({"duration": 5}, {"resize": [64, 64]}):
        check_whole_clips(index, front_end("own", front_end="logmel", **settings), "The model", "")
    check_whole_clips(index, front_end("ast"), "The model", "")
    check_whole_clips(index.assign(frames=[200, 200, 19_900]), own, "The model", "")


def test_features_are_estimated_before_they_are_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(capacity, "free_bytes", lambda path: 4_700_000_000)
    found = message(check_size, 10, (64, 3_700_000), "float16", tmp_path / "orig.npy")
    assert "10 × 64 × 3700000" in found and "needs 4,736 MB" in found and "features.NAME.duration" in found
    monkeypatch.setattr("soundbench.features.size.memory_bytes", lambda: 1_000_000_000)
    check_size(10, (64, 1_000_000), "float16", tmp_path / "orig.npy")
    assert "is larger than the memory (1000 MB), so training reads it from the disk in each epoch" in caplog.text


@pytest.mark.parametrize("label", [r"$\frac{$", "$a$", r"$\undefined$", "<b>&", "100 %", r"a\b"])
def test_labels_are_text_in_figures_and_no_formulas(tmp_path: Path, label: str) -> None:
    with figure(tmp_path / "a.svg", 1, 2, 2, label) as (canvas, (axis,)):
        axis.set_title(label)
        axis.set_yticks([0], [label])
        axis.plot([0], label=label)
        axis.legend()
        axis.annotate(label, (0, 0))
        canvas.colorbar(axis.imshow([[0.0]]), label=label)
    texts = [
        "".join(node.itertext()) for node in ElementTree.parse(tmp_path / "a.svg").iter() if node.tag.endswith("}text")
    ]
    assert texts.count(label) == 5
