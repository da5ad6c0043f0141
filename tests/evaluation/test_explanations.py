"""Explanations of decisions: the region that decides is found, and the same clips give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers.reference import librosa
from helpers.untrained import LABELS, TINY_INPUT, write_model
from soundbench.core.errors import InputError
from soundbench.evaluation.explained_fold import explain_fold
from soundbench.evaluation.explanations import BANDS, EXPLAINED, SPANS, Explanations, choose_explained, occlusion
from soundbench.evaluation.trained_model import TrainedModel
from soundbench.features.settings import bin_frequencies
from soundbench.models.saved import load_model
from soundbench.training.examples import Examples


@pytest.fixture
def model(tmp_path: Path) -> Iterator[tuple[nn.Module, dict[str, Any]]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the job
    yield load_model(write_model(tmp_path / "model", LABELS, **TINY_INPUT))
    torch.set_num_threads(threads)


def noise(clips: int, frames: int = 44) -> np.ndarray:
    return np.random.default_rng(0).normal(-40, 20, (clips, 64, frames)).astype(np.float16)


def examples(features: np.ndarray) -> Examples:
    rows = np.arange(len(features))
    return Examples((features,), np.zeros_like(rows), rows, torch.zeros(len(rows)))


def predictions(clips: int) -> pd.DataFrame:
    """Every second clip is predicted correctly; later clips are predicted with more confidence."""
    truth = [LABELS[number % 3] for number in range(clips)]
    predicted = [LABELS[(number + number % 2) % 3] for number in range(clips)]
    table = pd.DataFrame({"clip": [f"{n:03d}" for n in range(clips)], "label": truth, "predicted": predicted})
    for label in LABELS:
        table[label] = np.where(table["predicted"] == label, 0.5 + 0.4 * np.arange(clips) / clips, 0.1)
    return table


def test_occlusion_finds_the_region_that_decides() -> None:
    features = np.random.default_rng(0).random((64, 120)).astype(np.float32)

    def values(batch: np.ndarray) -> np.ndarray:
        return np.stack([batch[:, 12:20, 50:60].mean(axis=(1, 2)), np.zeros(len(batch))], axis=1)

    drops = occlusion(values, features, 0)
    assert drops.shape == (BANDS, SPANS)
    assert np.unravel_index(drops.argmax(), drops.shape) == (1, 4)
    assert drops[1, 4] == pytest.approx(drops.sum())
    assert not occlusion(values, features, 1).any()


def test_padding_has_no_region_and_is_not_predicted_as_nothing() -> None:
    features = np.random.default_rng(0).random((8, 40)).astype(np.float32)
    features[:, 24:] = np.nan

    def values(batch: np.ndarray) -> np.ndarray:
        assert np.isfinite(batch).all()
        return batch[:, :, 22:24].mean(axis=(1, 2))[:, None]

    drops = occlusion(values, features, 0)
    assert (drops[:, :-1] == 0).all()
    assert (drops[:, -1] > 0).all()


def test_confident_errors_and_confident_correct_clips_of_different_labels_are_explained() -> None:
    table = predictions(30)
    chosen = table.loc[choose_explained(table, LABELS)]
    wrong, correct = chosen[:EXPLAINED], chosen[EXPLAINED:]
    assert (wrong["label"] != wrong["predicted"]).all()
    assert (correct["label"] == correct["predicted"]).all()
    assert wrong["label"].nunique() == correct["label"].nunique() == 3
    assert list(wrong["clip"]) == ["029", "027", "025"]
    assert len(choose_explained(table[table["label"] == table["predicted"]], LABELS)) == EXPLAINED


def test_the_same_clips_give_the_same_bytes(model: tuple[nn.Module, dict[str, Any]], tmp_path: Path) -> None:
    frames = np.full(12, 44)
    frames[:6] = 30
    for name in ("one.npz", "two.npz"):
        explain_fold(TrainedModel(*model), examples(noise(12)), frames, predictions(12)).write(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    found = Explanations.read(tmp_path / "one.npz")
    assert found.clips.tolist() == [f"{number:03d}" for number in range(12)]
    assert len(found.embeddings) == 12
    assert found.drops.shape == (2 * EXPLAINED, BANDS, SPANS)
    assert np.isnan(found.features[:, 0]).sum(axis=1).tolist() == [44 - frames[int(clip)] for clip in found.explained]
    assert json.loads(str(found.front_end))["front_end"] == "logmel"


def test_a_clip_of_few_frames_has_fewer_regions(model: tuple[nn.Module, dict[str, Any]]) -> None:
    frames = np.where(np.arange(12) % 2, 44, 4)
    found = explain_fold(TrainedModel(*model), examples(noise(12)), frames, predictions(12))
    assert found.drops.shape == (2 * EXPLAINED, BANDS, SPANS)
    expected = [min(SPANS, frames[int(clip)]) for clip in found.explained]
    assert set(expected) == {4, SPANS}
    assert (~np.isnan(found.drops)).all(axis=1).sum(axis=1).tolist() == expected


def test_the_embedding_is_the_input_of_the_last_layer(model: tuple[nn.Module, dict[str, Any]]) -> None:
    network, description = model
    features = noise(5)
    found = explain_fold(TrainedModel(network, description), examples(features), np.full(5, 44), predictions(5))
    scaled = (torch.from_numpy(features.astype(np.float32)) + 40) / 20
    last = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
    with torch.inference_mode():
        logits = network(scaled[:, None])
        assert torch.allclose(last(torch.from_numpy(found.embeddings)), logits, atol=1e-4)


def test_clips_without_one_label_have_embeddings_only(model: tuple[nn.Module, dict[str, Any]], tmp_path: Path) -> None:
    network, description = model
    trained = TrainedModel(network, description | {"task": "multi-label"})
    explain_fold(trained, examples(noise(5)), np.full(5, 44), predictions(5)).write(tmp_path / "found.npz")
    found = Explanations.read(tmp_path / "found.npz")
    assert (len(found.embeddings), len(found.explained), len(found.drops)) == (5, 0, 0)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "explanations.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match=r"explanations\.npz: cannot be read"):
        Explanations.read(tmp_path / "explanations.npz")


def test_bins_of_a_mel_spectrogram_have_the_frequencies_of_librosa() -> None:
    settings = {"front_end": "logmel", "n_mels": 64, "fmin": 0, "fmax": None, "resize": None}
    assert bin_frequencies(settings, 22050) == pytest.approx(librosa.mel_frequencies(66, fmax=11025)[1:-1].tolist())
    kaldi = bin_frequencies({"front_end": "ast", "n_mels": 128}, 16000)
    assert 20 < kaldi[0] < 60
    assert 7500 < kaldi[-1] < 8000
    assert bin_frequencies({"front_end": "mfcc", "n_mfcc": 20, "n_mels": 64}, 16000) == []
