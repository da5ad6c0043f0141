"""Effects on batches that are more than a shift, each compared with what it stands for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from helpers.library import front_end
from helpers.reference import librosa
from helpers.trainers import FREQUENCIES, TASK
from soundbench.augment.batch import OnlineAugmentation
from soundbench.data.audio import resample
from soundbench.features.front_ends.logmel import compute
from soundbench.features.settings import bin_frequencies

RATE = 22050
LOGMEL = front_end("logmel64")


def change(
    effect: str,
    value: Any,
    features: torch.Tensor,
    targets: torch.Tensor | None = None,
    frequencies: list[float] = FREQUENCIES,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Apply one effect to features in dB."""
    targets = torch.arange(len(features)) % 3 if targets is None else targets
    return OnlineAugmentation({effect: value}, TASK, 1.0, 0, frequencies)(features.clone(), targets)


def loudest_bins(samples: np.ndarray) -> torch.Tensor:
    return compute(samples.astype(np.float32), RATE, LOGMEL).argmax(dim=0)[4:-4]


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_speed_gives_the_spectrogram_of_the_sound_at_that_speed(speed: float) -> None:
    seconds = np.arange(2 * RATE) / RATE
    samples = (0.3 * np.sin(2 * np.pi * (600 + 400 * seconds) * seconds)).astype(np.float32)  # from 600 to 2,200 Hz
    features = compute(samples, RATE, LOGMEL)
    played = change("speed", [speed, speed], features[None, None], frequencies=bin_frequencies(LOGMEL, RATE))[0]
    expected = loudest_bins(resample(samples, round(RATE * speed), RATE))
    found = played[0, 0].argmax(dim=0)[4:-4]
    both = min(len(expected), len(found))
    assert (expected[:both] - found[:both]).abs().max() <= 1
    assert (expected[:both] - loudest_bins(samples)[:both]).abs().float().mean() > 3, "the speed makes a difference"


def test_speed_fills_what_is_missing_with_the_quietest_value() -> None:
    features = torch.rand(4, 1, 16, 40) + 1
    quietest = features.amin(dim=(1, 2, 3))[:, None, None]
    fast = change("speed", [1.25, 1.25], features)[0]
    assert torch.equal(fast[:, 0, :, 32:], quietest.expand(4, 16, 8))
    slow = change("speed", [0.8, 0.8], features)[0]
    above = torch.tensor(FREQUENCIES) / 0.8 > FREQUENCIES[-1]
    assert above.sum() == 4
    assert torch.equal(slow[:, 0, above], quietest.expand(4, 4, 40))
    assert torch.equal(change("speed", [1.0, 1.0], features)[0], features)


def a_weights() -> torch.Tensor:
    """In dB, ``(bins, 1)``."""
    return torch.from_numpy(librosa.A_weighting(np.array(FREQUENCIES), min_db=None))[:, None].float()


def levels(features: torch.Tensor) -> torch.Tensor:
    """The A-weighted level (dB) of the loudest frame of each clip."""
    return (10 * (10 ** ((features[:, 0] + a_weights()) / 10)).sum(dim=1).log10()).amax(dim=1)


def test_between_class_mixing_adds_powers_as_its_authors_add_samples() -> None:
    features = 10 * torch.rand(12, 1, 16, 30, generator=torch.Generator().manual_seed(1))
    targets = torch.arange(12) % 3
    mixed, shares = change("between_class", 1.0, features, targets)
    assert ((shares > 0).sum(dim=1) == 2).all(), "always two classes"
    powers = 10 ** (features / 10)
    heard = levels(features)
    for clip in range(12):
        r = shares[clip, targets[clip]]
        candidates = []
        for other in (targets != targets[clip]).nonzero()[:, 0]:
            t = 1 / (1 + 10 ** ((heard[clip] - heard[other]) / 20) * (1 - r) / r)
            mixture = (t**2 * powers[clip] + (1 - t) ** 2 * powers[other]) / (t**2 + (1 - t) ** 2)
            candidates.append((10 * mixture.log10() - mixed[clip]).abs().max())
        assert min(candidates) < 1e-3


def test_a_quiet_clip_with_half_of_the_label_is_as_loud_in_the_mixture() -> None:
    features = torch.full((2, 1, 16, 10), -100.0)
    features[0, 0, 4] = 0
    features[1, 0, 10] = -30
    mixed, shares = change("between_class", 1.0, features, torch.tensor([0, 1]))
    for clip in range(2):
        heard = (mixed[clip, 0] + a_weights())[[4, 10], 0]
        ratio = shares[clip, 0] / shares[clip, 1]
        assert heard[0] - heard[1] == pytest.approx(20 * math.log10(ratio), abs=0.1)


def test_clips_of_one_class_can_be_mixed() -> None:
    mixed, shares = change("between_class", 1.0, torch.rand(4, 1, 16, 10), torch.ones(4, dtype=torch.long))
    assert mixed.isfinite().all()
    assert torch.allclose(shares, torch.tensor([0.0, 1.0, 0.0]).expand(4, 3))


def test_cross_entropy_has_the_gradient_of_the_divergence_that_the_authors_minimise() -> None:
    outputs = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    shares = change("between_class", 1.0, torch.rand(6, 1, 16, 10))[1]
    divergence = functional.kl_div(outputs.log_softmax(dim=1), shares, reduction="batchmean")
    expected = torch.autograd.grad(divergence, outputs)[0]
    found = torch.autograd.grad(functional.cross_entropy(outputs, shares), outputs)[0]
    assert torch.allclose(found, expected, atol=1e-6)


def test_filter_augment_bends_the_gain_at_the_edges_of_bands() -> None:
    features = torch.zeros(8, 1, 64, 5)
    found = change("filter_augment", {"gain": 6, "bands": [3, 5], "width": 6}, features)[0]
    curves = found[:, 0, :, 0]
    assert torch.equal(found, curves[:, None, :, None].expand_as(found))
    assert 3 < curves.abs().max() <= 6
    assert not torch.allclose(curves[0], curves[1])
    bends = (curves.diff(dim=1).diff(dim=1).abs() > 1e-4).any(dim=0).nonzero()[:, 0] + 1
    assert 2 <= len(bends) <= 4, "one bend between two bands"
    assert (torch.cat([torch.tensor([0]), bends, torch.tensor([63])]).diff() >= 6).all()


def test_filter_augment_of_a_single_bin_is_a_gain() -> None:
    found = change("filter_augment", {"gain": 6, "bands": [3, 5], "width": 6}, torch.zeros(8, 1, 1, 5))[0]
    assert torch.equal(found, found[..., :1].expand_as(found))
    assert 0 < found.abs().max() <= 6


def test_mixstyle_mixes_the_statistics_of_bins_alone() -> None:
    features = 3 * torch.randn(8, 1, 16, 50) + 10 * torch.arange(8.0)[:, None, None, None]
    mixed, targets = change("frequency_mixstyle", {"probability": 1, "alpha": 0.3}, features)
    assert targets.shape == (8,)
    before, after = (
        (each - each.mean(dim=3, keepdim=True)) / each.std(dim=3, keepdim=True) for each in (features, mixed)
    )
    assert torch.allclose(before, after, atol=1e-4)
    means = mixed.mean(dim=3)
    assert not torch.allclose(means, features.mean(dim=3), atol=1)
    assert (means >= features.mean(dim=3).amin(dim=0) - 1e-3).all()


@pytest.mark.parametrize(("axis", "dimension"), [("time", 1), ("frequency", 0)])
def test_cut_mix_counts_labels_by_what_is_left_of_each_clip(axis: str, dimension: int) -> None:
    features = torch.arange(9.0)[:, None, None, None].expand(9, 1, 16, 40)
    targets = torch.arange(9) % 3
    mixed, shares = change("cut_mix", {"axes": [axis], "probability": 1}, features, targets)
    assert (mixed.flatten(1).std(dim=1) > 0).sum() > 2
    for clip in range(9):
        expected = torch.zeros(3)
        for value in mixed[clip, 0].unique():
            expected[targets[int(value)]] += (mixed[clip, 0] == value).float().mean()
        assert torch.allclose(shares[clip], expected, atol=1e-5)
        lines = mixed[clip, 0].movedim(dimension, 0)
        assert torch.equal(lines, lines[:, :1].expand_as(lines)), "whole frames or bins"
        assert (lines[:, 0].diff() != 0).sum() <= 2, "one range"


def change_samples(
    effect: str, value: Any, samples: torch.Tensor, targets: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Apply one effect to samples ``(clips, samples)`` at 20 kHz."""
    targets = torch.arange(len(samples)) % 3 if targets is None else targets
    augment = OnlineAugmentation({effect: value}, TASK, 0.0, 0, [], 20000)
    changed, shares = augment(samples[:, None, None], targets)
    return changed[:, 0, 0], shares


def published_level(samples: np.ndarray, rate: int, size: int) -> float:
    """The level (dB) of the loudest frame as the paper states it: Hann windows, A-weighting, both not below -80 dB."""
    window = np.hanning(size + 1)[:-1]
    frequencies = np.linspace(0, rate // 2, size // 2 + 1)
    weights = 10 ** (librosa.A_weighting(np.maximum(frequencies, 1), min_db=-80) / 10)
    frames = [samples[at : at + size] for at in range(0, len(samples) - size + 1, size // 2)]
    return max(10 * math.log10(max(np.sum(abs(np.fft.rfft(window * one)) ** 2 * weights), 1e-8)) for one in frames)


def test_between_class_mixing_of_samples_is_that_of_its_authors() -> None:
    noise = torch.Generator().manual_seed(1)
    samples = torch.randn(6, 9000, generator=noise) * torch.logspace(-3, 0, 6)[:, None]
    targets = torch.arange(6) % 3
    mixed, shares = change_samples("between_class", 1.0, samples, targets)
    heard = [published_level(clip.double().numpy(), 20000, 2048) for clip in samples]
    for clip in range(6):
        r = float(shares[clip, targets[clip]])
        candidates = []
        for other in (targets != targets[clip]).nonzero()[:, 0]:
            t = 1 / (1 + 10 ** ((heard[clip] - heard[other]) / 20) * (1 - r) / r)
            mixture = (t * samples[clip] + (1 - t) * samples[other]) / math.sqrt(t**2 + (1 - t) ** 2)
            candidates.append(float((mixture - mixed[clip]).abs().max() / mixture.std()))
        assert min(candidates) < 1e-2


def test_gain_multiplies_samples_and_speed_fills_with_silence() -> None:
    samples = torch.randn(5, 1000, generator=torch.Generator().manual_seed(1))
    louder = change_samples("gain", 6, samples)[0] / samples
    assert torch.allclose(louder, louder[:, :1].expand_as(louder), rtol=1e-3)
    assert 10 ** (-6 / 20) <= louder.min() < louder.max() <= 10 ** (6 / 20)
    fast = change_samples("speed", [1.25, 1.25], samples)[0]
    assert torch.allclose(fast[:, :800:4], samples[:, ::5])
    assert not fast[:, 800:].any()


def test_the_padding_of_samples_is_silence_before_they_are_mixed() -> None:
    samples = torch.randn(4, 3000, generator=torch.Generator().manual_seed(1))
    samples[1, 2000:] = samples[1].min()
    changed = change_samples("gain", 1e-6, samples)[0]
    assert not changed[1, 2000:].any()
    assert torch.allclose(changed[0, :2999], samples[0, :2999], atol=1e-4)
