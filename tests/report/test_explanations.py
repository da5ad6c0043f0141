"""The section with the map of test clips."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from helpers.simulated import Study
from soundbench.evaluation.explanations import clip_map
from soundbench.report.sections import explanations
from soundbench.report.sections.explanations import chosen_sounds, maps, section


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    gone = frozenset({("one", "poor", 1), ("one", "poor", 2)})
    return Study(tmp_path_factory.mktemp("study"), {"good": 3.0, "poor": 1.0}, missing=gone, audio=True).write()


def test_a_map_has_like_clips_side_by_side_and_is_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    embeddings = rng.normal(size=(60, 16)) + 8 * np.eye(16)[labels]
    positions = clip_map(embeddings)
    assert positions.min() == 0
    assert positions.max() == 1
    distances = np.linalg.norm(positions[:, None] - positions, axis=2) + 9 * np.eye(60)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.95
    assert (clip_map(embeddings) == positions).all()


def test_a_map_shows_the_clips_of_the_first_fold_of_the_first_seed(study: Study) -> None:
    (part,) = maps(study.results())
    assert (part["dataset"], part["model"], part["seed"]) == ("one", "good", "1")
    assert len(part["points"]) == study.classes * study.takes
    assert all(f"-{1}-" in point["clip"] for point in part["points"])
    assert {point["label"] for point in part["points"]} == set(study.labels)


def test_sounds_are_there_once_and_their_number_is_limited(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_sounds([["a", "b", "c"], ["b", "d"]]) == ["a", "b", "d", "c"]
    monkeypatch.setattr(explanations, "SOUNDS", 5)
    page = section(study.results())
    (sounds,) = re.findall(r'id="map-sounds">(.*?)</script>', page)
    (parts,) = re.findall(r'id="map-parts">(.*?)</script>', page)
    assert [sound[:22] for sound in json.loads(sounds)] == ["data:audio/mpeg;base64"] * 5
    numbers = [point["sound"] for point in json.loads(parts)[0]["points"]]
    assert sorted(number for number in numbers if number is not None) == [0, 1, 2, 3, 4]


def test_a_study_without_runs_has_no_map(tmp_path: Path) -> None:
    gone = frozenset({("one", "good", seed) for seed in (1, 2)})
    assert section(Study(tmp_path, {"good": 3.0}, missing=gone).write().results()) == ""
