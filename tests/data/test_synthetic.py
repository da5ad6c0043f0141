"""The embedded source: repeatable, grouped, and neither trivial nor hopeless."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers.library import front_end, index
from soundbench.data.index import CLIP_COLUMNS, fetch_source
from soundbench.data.readers.synthetic import SOUNDS
from soundbench.features.clip_features import clip_features

SMALL = {"reader": "synthetic", "seed": 0, "classes": 12, "recordings": 1, "takes": 2, "seconds": 0.5}
DEFAULT = SMALL | {"recordings": 2, "takes": 2, "seconds": 1, "sample_rate": 22050}


def write(folder: Path, **source: object) -> pd.DataFrame:
    source = SMALL | {"sample_rate": 16000} | source
    fetch_source(source, folder / "fetched.json")
    index(source, folder, folder / "table.csv")
    return pd.read_csv(folder / "table.csv")


def audio_digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("audio/*.wav")}


@pytest.mark.slow
def test_clip_table_has_its_columns_and_shape(tmp_path: Path) -> None:
    table = write(tmp_path)
    assert list(table.columns) == CLIP_COLUMNS
    assert len(table) == 12 * 5 * 1 * 2
    assert table["clip"].is_unique
    assert table["sha256"].is_unique
    assert set(table["seconds"]) == {0.5}
    assert set(table["label"]) == set(SOUNDS)
    assert (table.groupby("group")["fold"].nunique() == 1).all()
    assert (table.groupby("group").size() == 2).all()


@pytest.mark.slow
def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write(tmp_path / name, seed=seed, classes=3)
    assert audio_digests(tmp_path / "a") == audio_digests(tmp_path / "b")
    assert not set(audio_digests(tmp_path / "a").values()) & set(audio_digests(tmp_path / "c").values())


@pytest.mark.slow
def test_more_recordings_leave_the_first_ones_alone(tmp_path: Path) -> None:
    write(tmp_path / "few", classes=2)
    write(tmp_path / "many", classes=4, recordings=2)
    assert audio_digests(tmp_path / "few").items() <= audio_digests(tmp_path / "many").items()


@pytest.mark.slow
def test_mean_spectra_do_not_give_the_classes_away(tmp_path: Path) -> None:
    """A logistic regression on mean spectra must stay below 90 %, or models would have nothing to show."""
    fetch_source(DEFAULT, tmp_path / "fetched.json")
    index(DEFAULT, tmp_path, tmp_path / "table.csv")
    table = pd.read_csv(tmp_path / "table.csv")
    settings = front_end("logmel64")
    spectra = np.stack([clip_features(path, settings).mean(dim=1).numpy() for path in table["path"]])
    scores = []
    for fold in range(1, 6):
        test = table["fold"] == fold
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
        scores.append(model.fit(spectra[~test], table["label"][~test]).score(spectra[test], table["label"][test]))
    assert 0.3 < np.mean(scores) < 0.9, scores
    print(f"logistic regression on mean spectra: {100 * np.mean(scores):.1f} %")
