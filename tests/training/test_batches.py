"""Batches and on-the-fly augmentation: its effects, resuming, and its independence of other random numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.library import configuration, front_end
from helpers.trainers import EVERYTHING, FREQUENCIES, MASKS, TASK, examples, trainer
from soundbench.augment.batch import OnlineAugmentation
from soundbench.augment.batch_effects import BATCH_EFFECTS
from soundbench.core.errors import InputError
from soundbench.features.normalisation import Normalisation, choose_normalisation
from soundbench.tasks.multi_label import MultiLabel
from soundbench.tasks.single_label import SingleLabel
from soundbench.training.batches import find_copies, load_examples
from soundbench.training.checkpoints import Checkpoint

CPU = torch.device("cpu")


def features(frames: int = 40) -> torch.Tensor:
    """``(8, 1, 16, frames)`` of different values, the frame's number in each."""
    rows = torch.arange(frames, dtype=torch.float32).expand(8, 1, 16, frames)
    return rows + 100 * torch.arange(8)[:, None, None, None]


def augmentation(seed: int = 0, **settings: Any) -> OnlineAugmentation:
    return OnlineAugmentation(settings, TASK, 0.5, seed, FREQUENCIES)


def test_examples_of_several_arrays_are_put_together() -> None:
    both = (first := examples(6)) + (second := examples(4, seed=1))
    chosen = np.array([7, 0, 9, 3])
    expected = np.stack([second.arrays[0][1], first.arrays[0][0], second.arrays[0][3], first.arrays[0][3]])
    assert (both.features(chosen) == expected).all()
    batch, targets = both.batch(torch.from_numpy(chosen), Normalisation(-20, 5), CPU)
    assert batch.numpy()[:, 0] == pytest.approx((np.float32(expected) + 20) / 5)
    assert targets.tolist() == [1, 0, 0, 0]


def test_normalisation_reads_the_examples_alone(tmp_path: Path) -> None:
    array = np.zeros((4, 2, 3), np.float16)
    array[:2] = [[[0, 2, 4], [0, 2, 4]], [[1, 3, 5], [1, 3, 5]]]
    array[2:] = 1000  # of other parts
    np.save(tmp_path / "orig.npy", array)
    index = pd.DataFrame({"clip": list("abcd"), "row": range(4)})
    training = load_examples(tmp_path / "orig.npy", index, index[:2].assign(label="x"), SingleLabel(["x"]))
    normalise = choose_normalisation(front_end("logmel64"), training.normalisation())
    assert (normalise.mean, normalise.std) == pytest.approx((2.5, np.array([0, 2, 4, 1, 3, 5]).std()))
    fixed = front_end(front_end="logmel", normalise="fixed", mean=-4, std=2)
    assert choose_normalisation(fixed, training.normalisation()) == Normalisation(-4, 2)
    assert choose_normalisation(front_end("logmel64-square"), training.normalisation()) == Normalisation(0, 1)


def test_copies_that_were_not_made_come_again() -> None:
    index = pd.DataFrame({"clip": ["a", "a", "b"], "copy": [1, 2, 1], "file": ["f", "g", "h"], "row": [4, 5, 6]})
    asked = pd.DataFrame({"clip": ["a"] * 3 + ["b"] * 2, "label": "x", "variant": "noisy", "copy": [1, 2, 3, 1, 2]})
    assert find_copies(index, asked)["row"].tolist() == [4, 5, 4, 6, 6]
    with pytest.raises(InputError, match="noisy: no copy was made of c"):
        find_copies(index, asked.assign(clip="c"))


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_every_effect_changes_the_batch_and_keeps_its_shape(name: str) -> None:
    batch = torch.rand(8, 1, 16, 40)
    effect = augmentation(**{name: EVERYTHING[name]})
    for _ in range(30):  # some effects change a share of the batches
        changed, targets = effect(batch.clone(), torch.arange(8) % 3)
        if not torch.equal(changed, batch):
            break
    assert changed.shape == batch.shape
    assert changed.isfinite().all()
    assert not torch.equal(changed, batch)
    mixes = BATCH_EFFECTS.constant(name, "MIXES_TARGETS", False)
    assert targets.shape == ((8, 3) if mixes else (8,))


def test_seeded_and_resumable() -> None:
    targets = torch.arange(8) % 3
    whole = augmentation(seed=3, **EVERYTHING)
    batches = [whole(features(), targets) for _ in range(4)]
    begun = augmentation(seed=3, **EVERYTHING)
    for batch in batches[:2]:
        assert torch.equal(begun(features(), targets)[0], batch[0])
    state = begun.generator.get_state()
    torch.manual_seed(99)  # a new process, in which other things draw random numbers
    resumed = augmentation(seed=0, **EVERYTHING)
    resumed.generator.set_state(state)
    for batch in batches[2:]:
        again = resumed(features(), targets)
        assert all(map(torch.equal, again, batch))
    assert not torch.equal(batches[0][0], batches[1][0])
    assert not torch.equal(augmentation(seed=4, **EVERYTHING)(features(), targets)[0], batches[0][0])


def test_other_random_numbers_do_not_change() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    augmentation(**EVERYTHING)(features(), torch.arange(8) % 3)
    assert torch.equal(torch.rand(3), expected)


def test_roll_rotates_each_clip_by_its_own_number_of_frames() -> None:
    rolled = augmentation(roll=1.0)(features(), torch.zeros(8))[0]
    shifts = set()
    for before, after in zip(features(), rolled, strict=True):
        shift = int(after[0, 0].argmin())
        assert torch.equal(after, before.roll(shift, dims=2))
        shifts.add(shift)
    assert len(shifts) > 2


def test_crop_shifts_and_fills_with_the_quietest_value() -> None:
    cropped = augmentation(crop=0.25)(features(), torch.zeros(8))[0]
    for number, row in enumerate(cropped[:, 0, 0] - 100 * torch.arange(8)[:, None]):
        shift = int((row - torch.arange(40)).median())
        inside = (torch.arange(40) + shift >= 0) & (torch.arange(40) + shift < 40)
        assert abs(shift) <= 10
        assert torch.equal(row, torch.where(inside, torch.arange(40) + shift, 0.0)), number


def test_stretch_plays_each_clip_at_a_rate_of_the_range() -> None:
    stretched = augmentation(stretch=[0.5, 2.0])(features(), torch.zeros(8))[0]
    rows = stretched[:, 0, 0] - 100 * torch.arange(8)[:, None]
    rates = rows[:, 1]
    assert ((rates >= 0.5) & (rates <= 2)).all()
    places = torch.arange(40) * rates[:, None]
    assert torch.allclose(rows, torch.where(places <= 39, places, 0.0), atol=1e-3)


def test_vtlp_moves_the_bins_of_each_clip_by_a_factor_of_the_range() -> None:
    ramps = torch.arange(64.0)[:, None].expand(8, 1, 64, 5)  # each bin's value is its number
    moved = augmentation(vtlp=[0.8, 1.25])(ramps, torch.zeros(8))[0][:, 0]
    assert torch.equal(moved, moved[:, :, :1].expand_as(moved)), "all frames alike"
    rows = moved[:, :, 0]
    factors = rows[:, 1]
    assert factors.min() >= 0.8 and factors.max() <= 1.25
    assert (factors < 1).any() and (factors > 1).any()
    lower = torch.arange(30)  # below the hinge, also where the factor is largest: 0.6 × 63 / 1.25
    assert torch.allclose(rows[:, lower], lower * factors[:, None], atol=1e-4)
    assert torch.allclose(rows[:, [0, 63]], torch.tensor([0.0, 63.0]), atol=1e-4)
    assert (rows.diff(dim=1) > 0).all()


def test_gain_is_in_decibels() -> None:
    change = augmentation(gain=6)(features(), torch.zeros(8))[0] - features()
    each = change.flatten(1)
    assert torch.allclose(each, each[:, :1].expand_as(each), atol=1e-4)
    assert each.abs().max() <= 3  # 6 dB at 0.5 a dB
    assert each[:, 0].unique().numel() == 8


def test_masks_hide_bins_and_frames_of_each_clip() -> None:
    masked = augmentation(spec_augment=MASKS)(torch.ones(64, 1, 32, 40), torch.zeros(64))[0][:, 0]
    bins, frames = (masked == 0).all(dim=2).sum(dim=1), (masked == 0).all(dim=1).sum(dim=1)
    assert bins.max() in range(4, 9)
    assert frames.max() in range(5, 11)
    assert len(set(bins.tolist())) > 2
    visible = (~(masked == 0).all(dim=2)[:, :, None]) & (~(masked == 0).all(dim=1)[:, None, :])
    assert (masked[visible] == 1).all()


def test_a_mask_covers_at_most_half_of_the_features() -> None:
    wide = {"freq_masks": 0, "freq_width": 1, "time_masks": 1, "time_width": 1000}
    masked = augmentation(spec_augment=wide)(torch.ones(64, 1, 4, 20), torch.zeros(64))[0]
    assert (masked == 0).float().mean(dim=(1, 2, 3)).max() <= 0.5


@pytest.mark.parametrize(("effect", "amount"), [("mixup", {"alpha": 1.0}), ("between_class", {"probability": 1.0})])
def test_a_mixture_may_have_the_labels_of_both_clips(effect: str, amount: dict[str, float]) -> None:
    task = MultiLabel(["a", "b", "c"])
    targets = torch.eye(3).repeat(4, 1)
    values = torch.randn(12, 1, 8, 8)
    shared, shares = OnlineAugmentation({effect: amount | {"labels": "share"}}, task, 1.0, 1)(values, targets)
    united, unions = OnlineAugmentation({effect: amount | {"labels": "union"}}, task, 1.0, 1)(values, targets)
    assert torch.equal(shared, united)
    assert torch.equal(unions, (shares > 0).float())
    assert (unions.sum(dim=1) == 2).any()


def test_mixup_mixes_targets_as_it_mixes_clips() -> None:
    targets = torch.arange(8) % 3
    mixed, shares = augmentation(mixup=1.0)(features(), targets)
    assert torch.allclose(shares.sum(dim=1), torch.ones(8))
    assert torch.equal(shares.argmax(dim=1), targets)
    levels = mixed[:, 0, 0, 0]  # 100 × the number of the clip, mixed
    partners = [(own, other) for own in range(8) for other in range(8)]
    for clip, level in enumerate(levels):
        own = shares[clip, targets[clip]]
        expected = [100 * (own * clip + (1 - own) * other) for _, other in partners]
        assert own == 1 or min(abs(level - value) for value in expected) < 0.01


def test_training_with_almost_everything_on_repeats_itself_and_learns(tmp_path: Path) -> None:
    # These classes differ in the mean of a bin, which Freq-MixStyle exchanges. Batch norms are measured because many
    # effects leave bins and frames that no unchanged clip has.
    augment = {name: value for name, value in EVERYTHING.items() if name != "frequency_mixstyle"}
    settings = {"learning_rate": 0.02, "label_smoothing": 0.1, "batch_norm": "measured"}
    trained: list[list[dict[str, float]]] = [[], []]
    for rows in trained:
        one = trainer(epochs=20, augment=augment, **settings)
        one.fit(Checkpoint(tmp_path / "checkpoint.pt", "", 1e9), lambda: False, rows.append)
    assert trained[0] == trained[1]
    assert trained[0][-1]["val_accuracy"] > 0.8


def test_validation_is_never_augmented(monkeypatch: pytest.MonkeyPatch) -> None:
    called = trainer(epochs=1, augment=EVERYTHING)
    state = called.augment.generator.get_state()
    called.validate()
    assert torch.equal(called.augment.generator.get_state(), state)
    monkeypatch.setattr(OnlineAugmentation, "__call__", lambda *_: pytest.fail("called"))
    called.validate()


def test_no_augmentation_draws_nothing() -> None:
    none = augmentation()
    state = none.generator.get_state()
    same, targets = none(batch := features(), labels := torch.arange(8))
    assert same is batch and targets is labels
    assert torch.equal(none.generator.get_state(), state)


@pytest.mark.parametrize(("features", "augment", "problem"), [
    ("logmel80-log1p", {"gain": 6}, "models.own.training.augment.gain"),
    ("logmel64-square", {"gain": 6}, "models.own.training.augment.gain"),
    ("logmel80-log1p", {"between_class": 1}, "models.own.training.augment.between_class"),
    ("logmel80-log1p", {"filter_augment": {}}, "models.own.training.augment.filter_augment"),
    ("mfcc20", {"speed": [0.8, 1.25]}, "models.own.training.augment.speed"),
    ("logmel80-log1p", {"speed": [0.8, 1.25]}, "models.own.training.augment.speed"),
    ("logmel64", {"stretch": [0, 1]}, "models.own.training.augment.stretch.0"),
    ("logmel64", {"vtlp": [1.1]}, "models.own.training.augment.vtlp"),
    ("logmel64", {"mixupp": 1}, "did you mean 'mixup'?"),
    ("logmel64", {"roll": 2}, "models.own.training.augment.roll"),
    ("logmel64", {"mixup": 0.3, "between_class": 1}, "models.own.training.augment.mixup: between_class mixes"),
])  # fmt: skip
def test_impossible_settings_are_refused_with_their_key(features: str, augment: dict[str, Any], problem: str) -> None:
    own = {"family": "cnn", "features": features, "training": {"epochs": 1, "augment": augment}}
    with pytest.raises(InputError) as refusal:
        configuration(models={"own": own})
    assert len(refusal.value.problems) == 1
    assert problem in refusal.value.problems[0]


def test_effects_have_an_order_of_their_own() -> None:
    """The order of the keys in a recipe does not matter, and every effect is tried here."""
    positions = [BATCH_EFFECTS.constant(name, "POSITION") for name in BATCH_EFFECTS.names]
    assert len(set(positions)) == len(positions)
    assert set(BATCH_EFFECTS.names) == set(EVERYTHING)
    backwards = dict(reversed(EVERYTHING.items()))
    batches = [augmentation(seed=3, **each)(features(), torch.arange(8) % 3) for each in (EVERYTHING, backwards)]
    assert all(map(torch.equal, *batches))
