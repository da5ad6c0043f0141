"""Mixtures of clips: what is mixed with what, the numbers that the table states, and what a split must not divide."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.library import configuration
from helpers.noises import RATE, write_recordings
from soundbench.core.errors import InputError
from soundbench.core.schema import with_defaults
from soundbench.data.audio import read_mono
from soundbench.data.audit import _mixed_of_one
from soundbench.data.index import fetch_source, read_clips
from soundbench.data.readers import mixtures
from soundbench.data.readers.mixtures import LOUDEST, deal_recordings, draw_mixtures
from soundbench.models.schema import load_schema

LABELS = ["dog", "rain", "train"]
SPLIT = {"scheme": "official", "folds": 2, "protocol": "literature"}


def settings(**changes: Any) -> dict[str, Any]:
    entry = {"reader": "mixtures", "of": "noises", "seconds": 2, "sample_rate": RATE, "onsets": [0.5, 1], **changes}
    found: dict[str, Any] = with_defaults(load_schema(), load_schema()["properties"]["sources"], {"mixed": entry})[
        "mixed"
    ]
    return found


@pytest.fixture
def clips(tmp_path: Path) -> pd.DataFrame:
    """The clip table of 24 recordings in two folds, four per label and fold; each is of two clips."""
    rows = []
    for fold in (1, 2):
        for label in LABELS:
            for recording in range(4):
                rows += [(f"{label}{fold}{recording}{take}", label, f"{label}{fold}{recording}", fold) for take in "ab"]
    table = pd.DataFrame(rows, columns=["clip", "label", "group", "fold"])
    write_recordings(tmp_path, *(f"{clip}.wav" for clip in table["clip"]), seconds=1.5)
    return table.assign(path=[str(tmp_path / f"{clip}.wav") for clip in table["clip"]])


def made(clips: pd.DataFrame, folder: Path, **changes: Any) -> pd.DataFrame:
    """Make the mixtures as the job does, and read them as the index does."""
    clips.to_csv(folder.with_suffix(".csv"), index=False)
    source = settings(**changes)
    fetch_source(source, folder / "fetched.json", str(folder.with_suffix(".csv")))
    return read_clips(source, folder)


def test_no_recording_is_in_two_groups(clips: pd.DataFrame) -> None:
    dealt = deal_recordings(clips, 5, seed=0)
    assert dealt.groupby("group")[["fold", "dealt"]].nunique().to_numpy().max() == 1
    assert (dealt["fold"] == clips["fold"]).all(), "a mixture keeps the fold of its clips"
    groups = dealt.groupby(["fold", "dealt"])
    assert len(groups) == 8
    assert (groups["label"].nunique() == 3).all() and (groups["group"].nunique() == 3).all()
    other = deal_recordings(clips, 5, seed=1)
    assert (other["dealt"] != dealt["dealt"]).any()


def test_a_recording_in_two_folds_is_mixed_in_one(clips: pd.DataFrame) -> None:
    clips.loc[clips["group"] == "dog20", ["group", "label"]] = ["rain10", "dog"]
    dealt = deal_recordings(clips, 5, seed=0)
    assert set(dealt.loc[dealt["group"] == "rain10", "fold"]) == {1}


def test_folds_are_drawn_if_none_are_published(clips: pd.DataFrame) -> None:
    dealt = deal_recordings(clips.assign(fold=""), 4, seed=3)
    assert set(dealt["fold"]) == {1, 2, 3, 4}
    assert dealt.groupby("group")["fold"].nunique().max() == 1


def test_the_table_states_what_the_files_hold(clips: pd.DataFrame, tmp_path: Path) -> None:
    """What is left of a mixture after its clips, at their levels and onsets, is the rounding of 16 bits."""
    table = made(clips, tmp_path / "mixed").set_index("clip")
    assert len(table) == 8 * 8 and (table.groupby("group")["fold"].nunique() == 1).all()
    assert set(table["label"]) == {"dog;rain", "dog;train", "rain;train", "dog;rain;train"}
    assert (table["label"].str.count(";") + 1 == table["sources"]).all()
    assert table["relative_level"].between(-12, 12).all() and table["onset"].between(0.5, 1).all()
    assert table["relative_level"].nunique() > 50 and table["onset"].nunique() > 50
    dealt = deal_recordings(clips, 5, seed=0)
    members = dealt[(dealt["fold"] == 1) & (dealt["dealt"] == 0)]
    for mixture in draw_mixtures(members, "fold1-group01", settings()):
        row = table.loc[mixture.name]
        samples = read_mono(row["path"])[0]
        assert len(samples) == 2 * RATE
        first = read_mono(mixture.clips["path"].iloc[0])[0][: round(row["onset"] * RATE)]
        alone = round(mixture.onsets[1:].min() * RATE)
        gain = float(samples[:alone] @ first[:alone] / (first[:alone] @ first[:alone]))
        np.testing.assert_allclose(samples[:alone], gain * first[:alone], atol=2 / 2**15)
        second = read_mono(mixture.clips["path"].iloc[1])[0]
        start = round(row["onset"] * RATE)
        heard = samples[start:][: len(second)]
        share = float(heard @ second[: len(heard)] / (second[: len(heard)] @ second[: len(heard)]))
        assert 20 * np.log10(share / gain) == pytest.approx(row["relative_level"], abs=2), (
            "noises differ little in level"
        )
    assert LOUDEST < 0


def test_the_same_seed_gives_the_same_bytes(clips: pd.DataFrame, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder, seed in zip(folders, (4, 4, 5), strict=True):
        made(clips, folder, seed=seed, per_group=2)
    contents = [{file.name: file.read_bytes() for file in folder.glob("*.flac")} for folder in folders]
    assert contents[0] == contents[1] and contents[0].keys() == contents[2].keys()
    assert contents[0] != contents[2]


def test_what_cannot_be_mixed_is_named(clips: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="keep: no clip has the label cat; there are dog, rain, train"):
        made(clips, tmp_path / "mixed", keep=["dog", "cat"])
    with pytest.raises(InputError, match="fold 2 has no recording of rain"):
        made(clips[(clips["fold"] == 1) | (clips["label"] != "rain")], tmp_path / "mixed")
    (tmp_path / "dog10a.wav").write_text("no audio")
    (tmp_path / "dog10b.wav").write_text("no audio")
    with pytest.raises(InputError, match=r"dog10[ab].wav: cannot be read as audio"):
        made(clips, tmp_path / "mixed")
    assert not (tmp_path / "mixed" / mixtures.TABLE).exists()


def test_keys_of_mixtures_are_checked() -> None:
    sources = {"mixed": {"reader": "mixtures", "of": "synthetics", "levels": [3, -3], "onsets": [0, 5]}}
    datasets = {"mixed": {"source": "mixed", "split": SPLIT}}
    with pytest.raises(InputError) as refused:
        configuration(sources=sources, datasets=datasets, benchmark={"datasets": ["mixed"]})
    assert {problem.partition(",")[0] for problem in refused.value.problems if ".mixed." in problem} == {
        "sources.mixed.of: there is no source 'synthetics'; did you mean 'synthetic'?",
        "sources.mixed.levels: the first number of the range [3",
        "sources.mixed.onsets: the latest onset should be before the end of a mixture",
        "datasets.mixed.task: clips of its source have several labels or numbers",
    }


def test_mixtures_of_one_group_that_share_a_recording_are_no_findings(clips: pd.DataFrame, tmp_path: Path) -> None:
    table = made(clips, tmp_path / "mixed")
    of_one = table[table["group"] == table["group"].iloc[0]]
    pairs = [of_one.loc[[first, second]] for first, second in combinations(of_one.index, 2)]
    assert any(_mixed_of_one(pair) for pair in pairs)
    for pair in pairs:
        first, second = (set(joined.split(";")) for joined in pair["recordings"])
        assert _mixed_of_one(pair) == bool(first & second)
        assert not _mixed_of_one(pair.assign(group=["one", "another"]))
    assert not _mixed_of_one(clips.iloc[:2])
