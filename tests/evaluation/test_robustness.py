"""Scores of perturbed clips: the perturbations, the clips that are tested, and the tables."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.library import front_end
from helpers.simulated import Study
from soundbench.augment.perturbations import PERTURBATIONS
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.audio import write_audio
from soundbench.evaluation.robustness import clips_of_tests, perturb_features
from soundbench.evaluation.robustness_table import UNCHANGED, aggregate_robustness
from soundbench.models.schema import load_schema
from soundbench.report.figures.robustness import AXES, plot_robustness
from soundbench.tasks.classification import METRICS

RATE = 16000


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips of half a second, and a split of which one fold tests the first, and one the second."""
    folder = tmp_path_factory.mktemp("sounds")
    time, rows = np.arange(RATE // 2) / RATE, []
    for number in range(3):
        path = folder / f"00{number}.wav"
        write_audio(path, 0.3 * np.sin(2 * np.pi * 500 * (number + 1) * time, dtype=np.float32), RATE)
        rows.append((path.stem, str(path), "ab"[number % 2], str(number), 0.5, RATE))
    columns = ["clip", "path", "label", "group", "seconds", "sample_rate"]
    write_csv(folder / "clips.csv", pd.DataFrame(rows, columns=columns))
    roles = {"clip": ["000", "001", "002"], "label": list("aba"), "group": list("012")}
    folds = {"fold1": ["test", "train", "train"], "fold2": ["train", "test", "val"]}
    write_csv(folder / "split.csv", pd.DataFrame(roles | folds))
    return folder


def test_only_test_clips_are_changed_and_each_level_is_what_it_says(sounds: Path, tmp_path: Path) -> None:
    assert clips_of_tests([str(sounds / "split.csv")]) == {"000", "001"}
    settings = front_end(front_end="logmel", sample_rate=RATE, n_fft=512, hop_length=256, n_mels=32)
    levels = [("noise", 60), ("noise", 0), ("pitch", 12), ("speed", 2)]
    features, index = tmp_path / "features.npy", tmp_path / "index.csv"
    split = [str(sounds / "split.csv")]
    perturb_features(
        str(sounds / "clips.csv"), split, settings, levels, features=str(features), index=str(index), threads=1
    )
    rows, stored = read_clip_table(index), np.load(features).astype(np.float32)
    assert len(rows) == len(stored) == 8
    of = {(row.clip, row.kind, row.level): stored[row.row] for row in rows.itertuples()}
    # Against the tone a noise of 0 dB is 60 dB above one of 60 dB, and the same noise.
    rise = (of["000", "noise", 0] - of["000", "noise", 60])[:, 3:-3]  # a tone that sets in is broad
    tone = of["000", "noise", 60].mean(axis=1).argmax()
    assert rise[20:].mean() - rise[tone].mean() == pytest.approx(60, abs=1)
    # The first clip an octave up is where the second clip is.
    assert of["000", "pitch", 12].mean(axis=1).argmax() == of["001", "noise", 60].mean(axis=1).argmax()
    # Twice as fast, the second half of the picture is padding: one value.
    assert np.ptp(of["000", "speed", 2][:, 20:]) < np.ptp(of["000", "speed", 2][:, :10]) / 10


def test_every_kind_can_be_configured_and_drawn() -> None:
    keys = load_schema()["properties"]["robustness"]["properties"]
    assert set(PERTURBATIONS) == set(AXES) == set(keys) - {"datasets", "models"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The table of a simulated study in which noise of 0 dB makes every second clip a ``class00``."""
    study = Study(tmp_path_factory.mktemp("study")).write()
    for path in study.files("predictions.csv"):
        found = read_clip_table(path)[["clip", "fold", "label", "predicted"]]
        worse = found["predicted"].where(found.index % 2 == 0, "class00")
        parts = [found.assign(kind="noise", level=20), found.assign(predicted=worse, kind="noise", level=0)]
        parts += [found.assign(kind="pitch", level=level) for level in (-2, 2)]
        write_csv(
            study.root / "robustness" / Path(path).parent.relative_to(study.root / "runs").with_suffix(".csv"),
            pd.concat(parts),
        )
    altered = [str(path) for path in sorted((study.root / "robustness").rglob("*.csv"))]
    made = study.root / "robustness.csv"
    aggregate_robustness(
        altered, study.files("predictions.csv"), study.splits(), {"one": {"protocol": "literature"}}, str(made)
    )
    return made


def test_table_has_every_level_with_intervals_and_the_unperturbed_scores(table: Path) -> None:
    rows = pd.read_csv(table)
    assert len(rows) == 2 * 5
    assert set(rows["seeds"]) == {2}
    good = rows[rows["model"] == "good"].set_index(["kind", "level"])
    clean = good.loc[UNCHANGED].iloc[0]
    assert good.loc[("noise", 20), "accuracy"] == clean["accuracy"]
    assert good.loc[("noise", 0), "accuracy"] < clean["accuracy"] - 0.2
    for metric in METRICS:
        assert (rows[f"{metric}_low"] <= rows[metric]).all()
        assert (rows[metric] <= rows[f"{metric}_high"]).all()


@pytest.mark.slow
def test_figure_has_a_panel_a_kind_and_a_line_a_model(table: Path, tmp_path: Path) -> None:
    plot_robustness(str(table), "one", ["good", "poor"], "uar", str(tmp_path / "a.svg"))
    plot_robustness(str(table), "one", ["good", "poor"], "uar", str(tmp_path / "b.svg"))
    svg = (tmp_path / "a.svg").read_bytes()
    assert svg == (tmp_path / "b.svg").read_bytes()
    text = "\n".join(re.findall(r"<text[^>]*>(.*?)</text>", svg.decode()))
    for said in ("good", "poor", AXES["noise"], AXES["pitch"], "unweighted average recall"):
        assert said in text
    assert AXES["speed"] not in text
