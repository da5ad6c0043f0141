"""Faults of disks, clocks and arithmetic: each is noticed and named, and leaves no wrong files."""

from __future__ import annotations

import errno
import logging
import os
import random
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from helpers.library import front_end, training
from helpers.trainers import TASK, examples, fit, linear, trainer
from helpers.untrained import LABELS, TINY_INPUT, write_model, write_sound
from soundbench.core.devices import take_free
from soundbench.core.errors import InputError
from soundbench.core.integrity import read_split, row_digest, write_split
from soundbench.core.job_log import logged
from soundbench.core.storage import atomic_folder, atomic_path, read_clip_table, write_csv
from soundbench.evaluation import folds
from soundbench.features.clip_features import stored_features
from soundbench.features.files import FeatureFiles
from soundbench.features.normalisation import Normalisation
from soundbench.features.store import compute_features
from soundbench.inference.command_line import main
from soundbench.models.load import read_weights
from soundbench.models.saved import load_model
from soundbench.tasks.single_label import SingleLabel
from soundbench.training.batches import load_examples
from soundbench.training.checkpoints import Checkpoint
from soundbench.training.events import event_writer, record
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs, Run
from soundbench.training.trainer import Trainer
from soundbench.training.values import predict_values

BITS = 100


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    """A checkpoint on disk."""
    one = Checkpoint(tmp_path / "checkpoint.pt", "mark", 0.0)
    one.save({"network": {"weight": torch.arange(2000.0)}, "epoch": 3})
    return one


def test_checkpoint_with_any_flipped_bit_is_discarded(checkpoint: Checkpoint, caplog: pytest.LogCaptureFixture) -> None:
    whole, draw = checkpoint.path.read_bytes(), random.Random(0)
    assert checkpoint.load()["epoch"] == 3
    for _ in range(BITS):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        checkpoint.path.write_bytes(damaged)
        assert checkpoint.load() is None
        assert not checkpoint.path.exists()
    assert caplog.text.count("it is damaged (its SHA-256") == BITS


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1000, -1])
def test_truncated_checkpoint_is_discarded(checkpoint: Checkpoint, size: int) -> None:
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:size])
    assert checkpoint.load() is None


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was flushed to the disk, and what was renamed, in their order."""
    found: list[str] = []
    rename, names = Path.replace, lambda opened: Path(f"/proc/self/fd/{opened}").readlink().name
    monkeypatch.setattr(os, "fsync", lambda opened: found.append(f"flush {names(opened)}"))
    monkeypatch.setattr(
        Path, "replace", lambda self, target: found.append(f"rename to {target.name}") or rename(self, target)
    )
    return found


def test_file_is_on_disk_before_it_gets_its_name(tmp_path: Path, flushed: list[str]) -> None:
    with atomic_path(tmp_path / "model.bin") as temporary:
        temporary.write_bytes(b"weights")
    assert flushed == [f"flush {temporary.name}", "rename to model.bin", f"flush {tmp_path.name}"]


def test_folder_is_on_disk_before_it_gets_its_name(tmp_path: Path, flushed: list[str]) -> None:
    with atomic_folder(tmp_path / "audio") as temporary:
        (temporary / "copy.wav").write_bytes(b"sound")
    assert flushed == ["flush copy.wav", f"flush {temporary.name}", "rename to audio", f"flush {tmp_path.name}"]


# --- numbers that are not finite --------------------------------------------------------------------------------------


def spoil_training_clip(one: Trainer) -> None:
    one.parts["train"].arrays[0][5] = np.nan


def spoil_validation_clip(one: Trainer) -> None:
    one.parts["val"].arrays[0][5] = np.inf


def spoil_weight_at_last_step(one: Trainer) -> None:
    left = iter(reversed(range(one.settings["epochs"] * len(one._steps()))))
    bias = one.network[-1].bias.data
    one.optimizer.register_step_post_hook(lambda *_: bias.fill_(0 if next(left) else np.inf))


FAULTS = {
    "training clip": (spoil_training_clip, True, r"\[test\] the loss is no longer finite"),
    "validation clip": (spoil_validation_clip, True, r"\[test\] the validation loss is no longer finite"),
    "weight": (spoil_weight_at_last_step, False, r"\[test\] the network holds numbers that are not finite in 3.bias"),
}


@pytest.mark.parametrize(("spoil", "validated", "message"), FAULTS.values(), ids=FAULTS)
def test_training_stops_at_a_number_that_is_not_finite(
    spoil: Callable[[Trainer], None], validated: bool, message: str, tmp_path: Path
) -> None:
    one = trainer(linear, validated=validated)
    spoil(one)
    with pytest.raises(InputError, match=f"{message}: a lower learning_rate, a gradient_clip, or precision: float32"):
        fit(one, tmp_path)


def test_evaluation_refuses_probabilities_that_are_not_finite() -> None:
    clips = examples(4)
    clips.arrays[0][2] = np.inf
    with pytest.raises(InputError, match="the model gives 1 of 4 clips probabilities that are not finite"):
        predict_values(nn.Sequential(nn.Flatten(), nn.Linear(320, 3)), clips, Normalisation(0, 1), TASK)


def spoilt_model(folder: Path, value: float) -> Path:
    """A model whose last layer multiplies large numbers by ``value``."""
    file = write_model(folder, LABELS, **TINY_INPUT) / "model.safetensors"
    weights = load_file(file)
    for name, weight in weights.items():
        if weight.ndim == 2:
            weight.fill_(value)
        elif name.endswith("bias"):
            weight.fill_(1000)
    save_file(weights, file)
    return folder


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    folder = spoilt_model(tmp_path / "model", np.nan)
    with pytest.raises(InputError, match=r"model\.safetensors: holds numbers that are not finite in"):
        load_model(folder)
    with pytest.raises(InputError, match=r"model\.safetensors: holds numbers that are not finite in"):
        read_weights(folder / "model.safetensors")


SPOILT = {
    "weights": (np.nan, 2, "model.safetensors: holds numbers that are not finite"),
    "probabilities": (3e38, 1, "sound.wav: the model gives probabilities that are not finite"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("value", "status", "message"), SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("options", [[], ["--windows"], ["--json"]], ids=["recordings", "windows", "json"])
def test_command_line_never_prints_nan(
    value: float, status: int, message: str, options: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, sound = spoilt_model(tmp_path / "model", value), write_sound(tmp_path / "sound.wav", 3)
    assert main([str(folder), str(sound), *options]) == status
    output, errors = capfd.readouterr()
    assert message in errors
    assert "nan" not in output.lower()


def test_features_that_float16_cannot_hold_are_refused() -> None:
    with pytest.raises(InputError, match=r"loud\.wav: its features are not finite in float16"):
        stored_features("loud.wav", torch.full((64, 44), 1e5), 44, front_end("logmel64"))


# --- arrays and tables that changed after they were written -----------------------------------------------------------

CLIPS = pd.DataFrame({"clip": ["a", "b"], "label": ["dog", "rain"], "group": ["1", "2"], "fold1": ["train", "test"]})


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """The feature array of two sounds, with its index beside it."""
    paths = [str(write_sound(tmp_path / f"{clip}.wav", 1, seed=seed)) for seed, clip in enumerate(CLIPS["clip"])]
    clips = CLIPS[["clip"]].assign(path=paths, seconds=1.0, sample_rate=22050)
    write_csv(tmp_path / "clips.csv", clips)
    array, index = tmp_path / "orig.npy", tmp_path / "orig.csv"
    compute_features(tmp_path / "clips.csv", front_end("logmel64"), array, index, threads=1)
    return array


def cut_short(content: bytes) -> bytes:
    return content[:-1]


def flip_bit_at_end(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def swap_shape(content: bytes) -> bytes:
    return content.replace(b"(2, 64, ", b"(2, 32, ")


def take_away_a_clip(content: bytes) -> bytes:
    return content.replace(b"(2, 64, ", b"(1, 64, ")


ARRAYS = {
    "truncated": (cut_short, "cannot be read as a feature array"),
    "empty": (lambda _: b"", "cannot be read as a feature array"),
    "changed": (flip_bit_at_end, "has changed since it was written, for b"),
    "another shape": (swap_shape, "has changed since it was written, for a, b"),
    "fewer clips": (take_away_a_clip, "has changed since it was written, for b"),
}


@pytest.mark.parametrize(("damage", "message"), ARRAYS.values(), ids=ARRAYS)
def test_feature_array_that_changed_is_named_and_removed(
    damage: Callable[[bytes], bytes], message: str, features: Path
) -> None:
    index = read_clip_table(features.with_suffix(".csv"))
    assert len(load_examples(features, index, CLIPS, SingleLabel(["dog", "rain"]))) == 2
    features.write_bytes(damage(features.read_bytes()))
    with pytest.raises(InputError, match=rf"orig\.npy: {message}.* was removed; run the same command again"):
        load_examples(features, index, CLIPS, SingleLabel(["dog", "rain"]))
    assert not features.exists()
    with pytest.raises(InputError, match=r"orig\.npy: is missing; run the same command again"):
        load_examples(features, index, CLIPS, SingleLabel(["dog", "rain"]))


def test_index_that_lost_a_clip_is_named(features: Path) -> None:
    index = read_clip_table(features.with_suffix(".csv"))[:1]
    with pytest.raises(InputError, match=r"orig\.npy: lacks b in its index.*run the same command again"):
        load_examples(features, index, CLIPS, SingleLabel(["dog", "rain"]))


TABLES = {
    "truncated after a row": lambda text: text[: text.rindex("b,")],
    "truncated in a row": lambda text: text[: text.rindex("st")],
    "another role": lambda text: text.replace("test", "val"),
    "another label": lambda text: text.replace("rain", "ruin"),
    "another column": lambda text: text.replace("fold1", "fold3"),
    "header alone": lambda text: text.splitlines()[0],
    "empty": lambda _: "",
}


@pytest.mark.parametrize("damage", TABLES.values(), ids=TABLES)
def test_split_table_that_changed_is_named_and_removed(damage: Callable[[str], str], tmp_path: Path) -> None:
    path = tmp_path / "seed1.csv"
    write_split(path, CLIPS)
    pd.testing.assert_frame_equal(read_split(path), CLIPS)
    path.write_text(damage(path.read_text()))
    with pytest.raises(InputError, match=r"seed1\.csv: .* was removed; run the same command again"):
        read_split(path)
    with pytest.raises(InputError, match=r"seed1\.csv: is missing; run the same command again"):
        read_split(path)


# --- dates, and outputs that Snakemake deletes ------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path: Path) -> dict[str, Any]:
    """What ``train_model`` takes to train on noise for an epoch, and where it writes."""
    clips = pd.DataFrame({"clip": list("abcdefgh"), "label": ["dog", "rain"] * 4, "group": list("12345678")})
    array = np.random.default_rng(0).normal(size=(8, 64, 20)).astype(np.float16)
    np.save(tmp_path / "orig.npy", array)
    index = {"clip": clips["clip"], "row": range(8), "frames": 20, "digest": [row_digest(row) for row in array]}
    write_csv(tmp_path / "orig.csv", pd.DataFrame(index))
    write_csv(tmp_path / "measures.csv", pd.DataFrame({"clip": clips["clip"], "samples": clips["clip"]}))
    write_split(tmp_path / "seed1.csv", clips.assign(fold1=["train"] * 4 + ["val"] * 2 + ["test"] * 2))
    recipe = {"family": "cnn", "features": "logmel64", "width": 4, "blocks": 2, "convolutions": 1, "dropout": 0.2}
    recipe["training"] = training(epochs=1, batch_size=4)
    return {
        "run": Run("noise", "cnn", 1, 1, "nested", recipe, front_end("logmel64"), source="noise"),
        "inputs": Inputs(
            FeatureFiles(str(tmp_path / "orig.npy"), str(tmp_path / "orig.csv")),
            str(tmp_path / "seed1.csv"),
            str(tmp_path / "measures.csv"),
        ),
        "outputs": Outputs(tmp_path / "fold1"),
        "execution": Execution(1, 0.0),
    }


@pytest.mark.parametrize("name", ["orig.npy", "orig.csv", "seed1.csv"])
def test_input_of_the_future_is_named_before_training(study: dict[str, Any], name: str, tmp_path: Path) -> None:
    tomorrow = time.time() + 86400
    os.utime(tmp_path / name, (tomorrow, tomorrow))
    with pytest.raises(InputError, match=rf"dated in the future.*touch(?s:.*){re.escape(str(tmp_path / name))}: 2"):
        train_model(**study)
    assert not study["outputs"].folder.exists()


def train_and_delete(study: dict[str, Any]) -> dict[str, bytes]:
    """Train, and delete the outputs as Snakemake does when it refuses them; returns what they held."""
    train_model(**study)
    files = study["outputs"].files
    content = {file.name: file.read_bytes() for file in files}
    for file in files:
        file.unlink()
    assert not (files[0].parent / "checkpoint.pt").exists()
    return content


def test_finished_model_that_snakemake_deleted_is_not_trained_again(
    study: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "soundbench")
    before, began = train_and_delete(study), time.time()
    caplog.clear()
    train_model(**study)
    assert "was already finished by an earlier process" in caplog.text
    assert "epoch 1/1" not in caplog.text
    for file in study["outputs"].files:
        assert file.read_bytes() == before[file.name]
        assert file.stat().st_mtime >= began - 1


@pytest.mark.parametrize("name", ["model.safetensors", "model.json", "digests.json"])
def test_damaged_finished_model_is_trained_again(
    study: dict[str, Any], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "soundbench")
    before = train_and_delete(study)
    kept = study["outputs"].folder / ".finished" / name
    kept.write_bytes(kept.read_bytes()[:-9])
    caplog.clear()
    train_model(**study)
    assert "epoch 1/1" in caplog.text
    assert study["outputs"].model.read_bytes() == before["model.safetensors"]


def test_accepted_model_is_kept_no_longer(study: dict[str, Any], tmp_path: Path) -> None:
    train_model(**study)
    inputs: Inputs = study["inputs"]
    outputs = folds.Outputs(*(str(tmp_path / name) for name in ("predictions.csv", "metrics.json", "explanations.npz")))
    folds.evaluate_model([str(study["outputs"].folder)], inputs.features, inputs.split, 1, outputs)
    assert not (study["outputs"].folder / ".finished").exists()


# --- disks that are full, and locks -----------------------------------------------------------------------------------


def test_log_on_a_full_disk_is_one_line_and_the_work_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    done = False
    with logged("/dev/full"):
        logging.getLogger("soundbench").info("first line")
        logging.getLogger("soundbench").warning("second line")
        done = True
    errors = capfd.readouterr().err
    assert done
    assert errors.count("/dev/full: the log ends here") == 1
    assert "second line" in errors
    assert "Traceback" not in errors


def test_log_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"job\.log: the log cannot be opened"), logged(tmp_path / "file" / "job.log"):
        raise AssertionError("the work has begun")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT], ids=["disk", "quota"])
def test_tensorboard_on_a_full_disk_is_a_message(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tensorboard.summary.writer.record_writer.RecordWriter.write", refuse)
    with (
        pytest.raises(InputError, match="tensorboard: the disk is full"),
        event_writer(tmp_path / "tensorboard") as events,
    ):
        for epoch in range(1000):
            record(events, {"epoch": epoch, "train_loss": 1.0})
    assert "Traceback" not in capfd.readouterr().err


def test_gpu_locks_are_in_a_folder_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    folder.mkdir(mode=0o755)
    assert take_free(["0"], folder) == "0"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_gpu_locks_follow_no_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.txt").write_text("precious")
    (tmp_path / "locks").symlink_to(elsewhere)
    with pytest.raises(InputError, match="locks: should be your own folder"):
        take_free(["0"], tmp_path / "locks")
    (elsewhere / "1.lock").symlink_to(elsewhere / "precious.txt")
    with pytest.raises(InputError, match=r"1\.lock: cannot be opened as a lock"):
        take_free(["1"], elsewhere)
    assert (elsewhere / "precious.txt").read_text() == "precious"


def test_gpu_locks_of_another_user_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(InputError, match="should be your own folder"):
        take_free(["0"], tmp_path)
