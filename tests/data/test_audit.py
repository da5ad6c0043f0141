"""The audit finds every fault that was made on purpose, and the known problems of real recordings."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By

from helpers.library import configuration
from helpers.workflow import DATA, Workflow
from soundbench.core.errors import InputError
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_json
from soundbench.data import fingerprints
from soundbench.data.audit import copies, crossing_groups, find_problems, odd_clips, rare_labels, read_measures
from soundbench.data.fingerprints import UNSEARCHED, landmarks, load_landmarks, near_duplicates
from soundbench.data.index import CLIP_COLUMNS, IndexFiles, index_clips
from soundbench.data.inspection import inspect_clip
from soundbench.data.readers import esc50, synthetic
from soundbench.data.splits import draw_split, split_clips
from soundbench.data.subsets import view_clips
from soundbench.evaluation.confounds import measure_confounds
from soundbench.report.pages.audit import audit_clips
from soundbench.tasks.single_label import SingleLabel

RATE = 16000  # Hz
THRESHOLDS = {"silent": -60, "clipped": 0.002, "short": 0.25, "long": 4, "near_duplicate": 0.3}
VIEW: dict[str, Any] = {"split": {"scheme": "official", "folds": 2}, "audit": THRESHOLDS}


@pytest.fixture(scope="module")
def sounds() -> list[np.ndarray]:
    """Twelve different sounds of 3 s."""
    clips = []
    for number, model in enumerate(synthetic.SOUNDS.values()):
        stream = np.random.default_rng(number)
        recording = synthetic.Recording(stream, 3.0, RATE)
        clips.append(recording.finish(model(recording, stream), stream).astype(np.float32))
    return clips


def collection(root: Path, clips: dict[str, np.ndarray | bytes]) -> Path:
    """ESC-50's layout with these clips: names are ``FOLD-GROUP-TAKE``, labels ``even`` and ``odd`` in turn."""
    (root / "audio").mkdir(parents=True)
    (root / "meta").mkdir()
    rows = []
    for number, (name, content) in enumerate(clips.items()):
        path = root / "audio" / f"{name}.wav"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            soundfile.write(path, content, RATE, subtype="FLOAT")
        rows.append((path.name, int(name[0]), "odd" if number % 2 else "even", False, name.split("-")[1]))
    table = pd.DataFrame(rows, columns=["filename", "fold", "category", "esc10", "src_file"])
    table.to_csv(root / "meta" / "esc50.csv", index=False)
    return root


def index(root: Path, target: Path, on_bad_clip: str = "skip") -> pd.DataFrame:
    """Index a collection into ``target`` and return what was measured."""
    files = {name: target / f"{name}.csv" for name in ("clips", "measures")}
    files |= {"landmarks": target / "landmarks.npz", "notes": target / "notes.json"}
    index_clips({"reader": "esc50"}, root, on_bad_clip, 2, IndexFiles(**files))
    return read_measures(files["measures"])


def encoded(samples: np.ndarray, kind: str, subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format=kind, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "kind",
    [
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("WAV", "AIFF", "FLAC", "OGG", "MP3")),
        *("AU", "W64", "RF64", "VOC"),
    ],
)
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_file_that_breaks_off_is_truncated(tmp_path: Path, sounds: list[np.ndarray], kind: str, kept: float) -> None:
    whole = encoded(sounds[0], kind)
    path = tmp_path / f"clip.{kind.lower()}"
    path.write_bytes(whole)
    assert inspect_clip(str(path)).problem == ""
    path.write_bytes(whole[: int(kept * len(whole))])
    assert inspect_clip(str(path)).problem == "truncated"


def test_wav_written_to_a_pipe_is_not_truncated(tmp_path: Path, sounds: list[np.ndarray]) -> None:
    """Its header gives no length: the program that wrote it could not go back."""
    whole = bytearray(encoded(sounds[0], "WAV", "PCM_16"))
    whole[4:8] = whole[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "clip.wav").write_bytes(whole)
    assert inspect_clip(str(tmp_path / "clip.wav")).problem == ""


FAULTS: dict[str, np.ndarray | bytes] = {
    "unreadable": b"this is a text file",
    "empty": np.zeros(0),
    "not finite": np.where(np.arange(RATE) == 77, np.nan, 0.1 * np.sin(np.arange(RATE))),
    "truncated": encoded(0.1 * np.sin(np.arange(RATE)), "WAV")[:9000],
}


@pytest.fixture
def faulty(tmp_path: Path, sounds: list[np.ndarray]) -> Path:
    """Eight good clips and one of each fault."""
    good = {f"{1 + number // 2 % 2}-{number}-A": sound for number, sound in enumerate(sounds[:8])}
    bad = {f"1-9{number}-A": content for number, content in enumerate(FAULTS.values())}
    return collection(tmp_path / "faulty", good | bad)


@pytest.mark.slow
def test_bad_clips_fail_all_at_once_and_leave_nothing_behind(faulty: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        index(faulty, tmp_path / "out", "fail")
    assert len(error.value.problems) == len(FAULTS)
    for number, words in enumerate(
        ("cannot be read as audio", "holds no samples", "1 of 16000 samples", "is truncated")
    ):
        assert f"1-9{number}-A.wav: {words}" in error.value.problems[number]
    assert "on_bad_clip: skip" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_skipped_clips_are_left_out_and_reported(faulty: Path, tmp_path: Path, browser: WebDriver) -> None:
    measures = index(faulty, tmp_path)
    clips = read_clip_table(tmp_path / "clips.csv")
    assert list(clips.columns) == CLIP_COLUMNS
    assert len(clips) == 8 and len(measures) == 8 + len(FAULTS)
    write_json(tmp_path / "notes.json", ["the column <b>age</b> is not used"])
    files = [tmp_path / name for name in ("measures.csv", "landmarks.npz", "notes.json")]
    audit_clips(*files, "own", VIEW, tmp_path / "a.csv", tmp_path / "a.html")
    with pytest.raises(InputError, match=r"^datasets.own:\n  - keep: no clip has the label emu"):
        audit_clips(*files, "own", VIEW | {"keep": ["emu"]}, tmp_path / "a.csv", tmp_path / "a.html")
    findings = pd.read_csv(tmp_path / "a.csv")
    left_out = findings[findings["check"].isin(FAULTS)]
    assert dict(zip(left_out["clips"], left_out["check"], strict=True)) == {
        f"1-9{number}-A": fault for number, fault in enumerate(FAULTS)
    }
    assert set(left_out["severity"]) == {"error"}
    assert set(findings["check"]) == {*FAULTS, "source"}
    assert findings.loc[findings["check"] == "source", "detail"].to_list() == ["the column <b>age</b> is not used"]

    browser.get((tmp_path / "a.html").as_uri())
    assert "4 of them cannot be used and were left out" in browser.find_element(By.TAG_NAME, "main").text
    assert len(browser.find_elements(By.CSS_SELECTOR, ".findings tbody tr")) == len(findings)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_nothing_is_left_to_index(tmp_path: Path) -> None:
    root = collection(tmp_path / "bad", {"1-1-A": b"", "2-2-A": b"text"})
    with pytest.raises(InputError, match="2 of 2 clips"):
        index(root, tmp_path / "out")


def test_odd_clips_are_named_with_value_and_threshold(tmp_path: Path, sounds: list[np.ndarray]) -> None:
    clips: dict[str, Any] = {f"1-{number}-A": sound for number, sound in enumerate(sounds[:6])}
    clips["1-20-A"] = 1e-4 * sounds[6]
    clips["1-21-A"] = np.clip(8 * sounds[7], -1, 1)
    clips["1-22-A"] = sounds[8][: len(sounds[8]) // 5]
    clips["1-23-A"] = np.tile(sounds[9], 5)
    clips["1-24-A"] = 0.5 + 1e-5 * sounds[10]  # silent, but for a constant offset
    found = [finding.row() for finding in odd_clips(index(collection(tmp_path / "c", clips), tmp_path), THRESHOLDS)]
    assert {(row["check"], row["clips"]) for row in found} == {
        ("silent", "1-20-A"),
        ("silent", "1-24-A"),
        ("clipped", "1-21-A"),
        ("too short", "1-22-A"),
        ("too long", "1-23-A"),
    }
    lengths = {row["check"]: (row["value"], row["threshold"]) for row in found if row["check"].startswith("too")}
    assert lengths == {"too short": (0.2, 0.25), "too long": (5.0, 4)}


def shifted(samples: np.ndarray, seconds: float) -> np.ndarray:
    cut = round(seconds * RATE)
    return np.concatenate([samples[cut:], np.zeros(cut, np.float32)])


def recoded(samples: np.ndarray, kind: str) -> np.ndarray:
    return soundfile.read(io.BytesIO(encoded(samples, kind)), dtype="float32")[0]


CHANGES = {
    "gain": lambda sound: 0.1 * sound,
    "ogg": lambda sound: recoded(sound, "OGG"),
    "mp3": lambda sound: recoded(sound, "MP3"),
    "shift": lambda sound: shifted(sound, 0.4137),
    "late": lambda sound: np.concatenate([np.zeros(5000, np.float32), sound])[: len(sound)],
    "all": lambda sound: recoded(0.3 * shifted(sound, 0.2113), "OGG"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copy_is_a_near_duplicate(sounds: list[np.ndarray], change: str) -> None:
    clips = [landmarks(sound, RATE) for sound in [*sounds, *map(CHANGES[change], sounds)]]
    found = near_duplicates(clips, THRESHOLDS["near_duplicate"])
    expected = {(number, number + len(sounds)) for number in range(len(sounds))}
    assert set(zip(found["first"], found["second"], strict=True)) == expected


def test_shift_is_measured(sounds: list[np.ndarray]) -> None:
    clips = [landmarks(sounds[0], RATE), landmarks(shifted(sounds[0], 0.5), RATE)]
    assert near_duplicates(clips, 0.3)["shift"].tolist() == pytest.approx([-0.5], abs=0.03)


def test_ranges_of_pairs_give_the_same_copies(sounds: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [landmarks(sound, RATE) for sound in [*sounds, *map(CHANGES["all"], sounds)]]
    whole = near_duplicates(clips, 0.1)
    monkeypatch.setattr(fingerprints, "MOST_PAIRS", 1000)
    assert len(whole) >= len(sounds)
    pd.testing.assert_frame_equal(near_duplicates(clips, 0.1), whole)


def test_audit_says_when_copies_may_be_missing(sounds: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [landmarks(sound, RATE) for sound in [sounds[0], sounds[0], sounds[0], sounds[1]]]
    table = pd.DataFrame({"clip": list("abcd"), "path": "", "samples": list("abcd"), "group": "g", "label": "l"})
    table["fold"] = np.nan
    assert near_duplicates(clips, 0.3).attrs[UNSEARCHED] == 0
    monkeypatch.setattr(fingerprints, "MOST_MATCHES", 0)
    (note,) = [one for one in copies(table, clips, THRESHOLDS) if one.check == "search for copies"]
    assert (note.severity, note.value) == ("note", 3)
    assert "of 3 of 4 clips" in note.detail


def test_audit_counts_clips_with_too_few_landmarks(sounds: list[np.ndarray]) -> None:
    beep = (0.3 * np.sin(2 * np.pi * 900 * np.arange(RATE // 2) / RATE) * np.hanning(RATE // 2)).astype(np.float32)
    clips = [landmarks(sound, RATE) for sound in (beep, 0.5 * beep, sounds[0])]
    table = pd.DataFrame({"clip": list("abc"), "path": "", "samples": list("abc"), "group": "g", "label": "l"})
    (note,) = copies(table.assign(fold=np.nan), clips, THRESHOLDS)
    assert (note.severity, note.check, note.value) == ("note", "search for copies", 2)
    assert "2 of 3 clips have hardly any landmarks" in note.detail


def test_no_clips_and_silent_clips_have_no_copies() -> None:
    assert near_duplicates([], 0.3).empty
    assert near_duplicates([landmarks(np.zeros(RATE, np.float32), RATE)] * 3, 0.3).empty


def test_copies_across_folds_are_errors_and_within_a_group_notes(tmp_path: Path, sounds: list[np.ndarray]) -> None:
    clips = {"1-1-A": sounds[0], "1-2-A": sounds[1], "2-3-A": sounds[0], "2-4-A": sounds[2], "1-1-B": sounds[0]}
    clips |= {"1-5-A": 0.5 * sounds[1], "2-4-B": 0.5 * sounds[2]}
    measures = index(collection(tmp_path / "c", clips), tmp_path)
    points = load_landmarks(tmp_path / "landmarks.npz")
    found = {row["clips"]: row for row in (f.row() for f in copies(measures, points, THRESHOLDS))}
    assert {clips: (row["check"], row["severity"]) for clips, row in found.items()} == {
        "1-1-A; 2-3-A; 1-1-B": ("duplicate", "error"),
        "1-2-A; 1-5-A": ("near-duplicate", "warning"),
        "2-4-A; 2-4-B": ("near-duplicate", "warning"),  # one group, but labelled differently
    }
    assert "labelled even and odd" in found["2-4-A; 2-4-B"]["detail"]
    assert found["2-4-A; 2-4-B"]["value"] > 0.9
    # Where the folds are drawn anew, clips of two groups can always be divided.
    view = VIEW | {"split": {"scheme": "kfold", "folds": 2}}
    table = find_problems(measures, points, view).set_index("clips")
    assert table.loc["1-2-A; 1-5-A", "severity"] == "error"


@pytest.mark.slow
def test_planted_copies_stop_a_split_or_are_warned_of(
    tmp_path: Path, sounds: list[np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    clips = {f"{1 + number // 2 % 2}-{number}-A": sound for number, sound in enumerate(sounds)}
    clips["2-20-A"] = 0.5 * shifted(sounds[0], 0.3)  # of 1-0-A
    files = [tmp_path / name for name in ("clips.csv", "audit.csv", "split.csv")]
    split = {"scheme": "official", "protocol": "literature", "folds": 2}

    def attempt(root: Path, **settings: Any) -> None:
        index(collection(root, clips), tmp_path)
        view = VIEW | {"split": split | settings}
        measured = [tmp_path / name for name in ("measures.csv", "landmarks.npz", "notes.json")]
        measure_confounds(measured[0], files[0], view, 1, tmp_path / "confounds.csv")
        audit_clips(*measured, "own", view, files[1], tmp_path / "audit.html")
        split_clips(files[0], files[1], "pets", view, 1, files[2])

    attempt(tmp_path / "near")
    (line,) = caplog.messages
    assert line.startswith("error: pets, seed 1, fold1: 1-0-A (test), 2-20-A (train) sound the same")
    before = files[2].read_bytes()
    # Confounds are measured on the split that is written.
    _, drawn = draw_split(view_clips(read_clip_table(files[0]), VIEW | {"split": split}), VIEW | {"split": split}, 1)
    pd.testing.assert_frame_equal(drawn, read_split(files[2]), check_dtype=False)
    clips["1-21-A"] = sounds[2]  # the samples of 2-2-A
    with pytest.raises(InputError) as refused:
        attempt(tmp_path / "same")
    assert "2-2-A (train), 1-21-A (test) hold the same samples" in str(refused.value)
    assert files[2].read_bytes() == before
    page = (tmp_path / "audit.html").read_text()
    assert "2-2-A" in page and "1-21-A" in page
    caplog.clear()
    attempt(tmp_path / "allowed", duplicates="allow")
    assert sorted("the same samples" in message for message in caplog.messages) == [False, True]


def test_label_that_cannot_be_in_every_fold() -> None:
    clips = pd.DataFrame(
        [("a", "rare", "g1", 1), ("b", "rare", "g1", 1), ("c", "one-sided", "g2", 1), ("d", "one-sided", "g3", 1)],
        columns=["clip", "label", "group", "fold"],
    )
    found = {finding.check: finding for finding in rare_labels(clips, SingleLabel.strata(clips), "official", 2)}
    assert set(found) == {"label in too few groups", "label missing in folds"}
    assert found["label in too few groups"].detail.startswith("rare: 2 clips in 1 groups")
    assert (found["label missing in folds"].value, found["label missing in folds"].threshold) == (1, 2)


def test_group_with_one_class_in_two_folds_is_an_error() -> None:
    clips = pd.DataFrame(
        [("a", "a.wav", "x", "g", 1), ("b", "b.wav", "x", "g", 2)], columns=["clip", "path", "label", "group", "fold"]
    )
    assert [finding.severity for finding in crossing_groups(clips, {"scheme": "official"})] == ["error"]
    assert [finding.severity for finding in crossing_groups(clips, {"scheme": "repaired"})] == ["note"]


@pytest.mark.slow
def test_esc50_metadata_has_four_crossing_groups(tmp_path: Path) -> None:
    if not (DATA / "esc50.csv").exists():
        pytest.skip(f"no metadata: {DATA / 'esc50.csv'} is not there")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_bytes((DATA / "esc50.csv").read_bytes())
    clips = esc50.read(tmp_path)
    assert len(clips) == 2000
    found = list(crossing_groups(clips, {"scheme": "official"}))
    assert {finding.clips["group"].iloc[0] for finding in found} == {"131943", "209698", "134049", "234879"}
    assert all(f.severity == "error" and "always in different classes" in f.detail for f in found)
    by_name = crossing_groups(clips, configuration()["datasets"]["esc50"]["split"])
    assert [finding.severity for finding in by_name] == ["warning"] * 4
    assert list(rare_labels(clips, SingleLabel.strata(clips), "official", 5)) == []


@pytest.mark.slow
def test_audit_of_esc10_finds_its_known_problems(tmp_path: Path, esc10_root: Path) -> None:
    """Three pairs of clips have one sound though their recordings differ: their waveforms correlate too (0.97, 0.47
    and 0.52 at the very shift, other pairs of clips at most 0.2)."""
    measures = index(esc10_root, tmp_path)
    view = VIEW | {"split": {"scheme": "official", "folds": 5}}
    findings = find_problems(measures, load_landmarks(tmp_path / "landmarks.npz"), view)
    assert set(zip(findings["severity"], findings["check"], findings["clips"], strict=True)) == {
        ("error", "near-duplicate", "3-151080-A-20; 5-151085-A-20"),
        ("warning", "near-duplicate", "2-28314-A-12; 2-30322-A-12"),
        ("warning", "near-duplicate", "2-28314-B-12; 2-30322-B-12"),
        ("note", "clipped", "5-186924-A-12"),
    }


@pytest.mark.slow
def test_emodb_has_no_copies() -> None:
    """Ten sentences spoken by ten people: alike, but never the same sound."""
    files = sorted((DATA / "emodb" / "wav").glob("*.wav"))
    if not files:
        pytest.skip(f"no real recordings: {DATA / 'emodb'} is not there")
    clips = [inspect_clip(str(path)) for path in files]
    assert {clip.problem for clip in clips} == {""}
    assert len({clip.samples for clip in clips}) == len(clips) == 535
    assert near_duplicates([clip.landmarks for clip in clips], THRESHOLDS["near_duplicate"]).empty


@pytest.mark.slow
def test_workflow_continues_without_bad_clips(workflow: Workflow, faulty: Path) -> None:
    own: dict[str, Any] = {
        "sources": {"own": {"reader": "esc50", "root": str(faulty)}},
        "datasets": {"own": {"source": "own", "split": {"scheme": "official", "folds": 2, "protocol": "literature"}}},
        "benchmark": {"datasets": ["own"]},
    }
    targets = ("results/splits/own/seed1.csv", "results/audit/own.csv")
    overlay = workflow.overlay("own", **own)
    failed = workflow.run("--cores", "1", *targets, "--configfile", overlay, check=False)
    assert failed.returncode != 0 and "4 of 12 clips cannot be used" in failed.stdout
    assert not list(workflow.results.glob("*/own*"))
    own["sources"]["own"]["on_bad_clip"] = "skip"
    workflow.run("--cores", "1", *targets, "--configfile", workflow.overlay("own", **own))
    assert len(pd.read_csv(workflow.results / "splits" / "own" / "seed1.csv")) == 8
    assert len(pd.read_csv(workflow.results / "audit" / "own.csv")) == 4


@pytest.mark.slow
def test_changed_threshold_repeats_the_audit_alone(tiny_copy: Workflow) -> None:
    overlay = tiny_copy.overlay("other", datasets={"synthetic": {"audit": {"silent": -50}}})
    planned = tiny_copy.planned("--configfile", "tiny.yaml", overlay)
    assert set(planned) == {"all", "audit_clips", "write_report"}
