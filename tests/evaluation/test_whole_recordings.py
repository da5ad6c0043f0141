"""Recordings of several lengths, trained on crops: the evaluation, and all that predicts, averages windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.library import configuration, front_end, training
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, read_json, write_csv
from soundbench.data.audio import write_audio
from soundbench.evaluation import folds, transfer
from soundbench.evaluation.folds import evaluate_model
from soundbench.evaluation.robustness import evaluate_robustness, perturb_features
from soundbench.features.files import FeatureFiles
from soundbench.features.store import compute_features
from soundbench.inference.classifier import Classifier, Options
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs, Run

SECONDS = [2.6, 0.7, 1.9, 1.0]
RECIPE = {"family": "cnn", "width": 4, "blocks": 2, "convolutions": 1, "dropout": 0.0}


def write_sound(path: Path, seconds: float, barks: bool, seed: int) -> None:
    """Noise, in which a low tone gets louder for a dog."""
    time = np.arange(round(seconds * 16000)) / 16000
    noise = 0.05 * np.random.default_rng(seed).standard_normal(len(time))
    write_audio(path, noise + barks * 0.2 * (time / seconds) * np.sin(2 * np.pi * 300 * time), 16000)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on twelve recordings, four of which are tested, with its features and its model."""
    folder = tmp_path_factory.mktemp("whole")
    clips = [f"clip{number:02d}" for number in range(12)]
    seconds = [SECONDS[number % 4] for number in range(12)]
    labels = ["dog", "dog", "rain", "rain"] * 3
    for number, clip in enumerate(clips):
        write_sound(folder / f"{clip}.wav", seconds[number], labels[number] == "dog", number)
    table = pd.DataFrame({"clip": clips, "path": [str(folder / f"{clip}.wav") for clip in clips], "label": labels})
    table = table.assign(group=clips, seconds=seconds, sample_rate=16000, samples=clips, fold="")
    write_csv(folder / "clips.csv", table)
    write_csv(folder / "measures.csv", table)
    roles = ["train"] * 4 + ["val"] * 4 + ["test"] * 4
    write_csv(folder / "seed1.csv", table[["clip", "label", "group"]].assign(fold1=roles))
    settings = front_end(front_end="logmel", sample_rate=16000, n_fft=512, hop_length=256, n_mels=24)
    compute_features(folder / "clips.csv", settings, folder / "features.npy", folder / "index.csv", 1)
    recipe = RECIPE | {
        "training": training(epochs=12, batch_size=4, learning_rate=0.01, batch_norm="measured", crop=1.0)
    }
    train_model(
        Run("own", "cnn", 1, 1, "nested", recipe, settings, source="own"),
        Inputs(
            FeatureFiles(str(folder / "features.npy"), str(folder / "index.csv")),
            split=str(folder / "seed1.csv"),
            measures=str(folder / "measures.csv"),
        ),
        Outputs(folder / "fold1"),
        Execution(1, 60),
    )
    evaluate_model(
        [str(folder / "fold1")],
        FeatureFiles(str(folder / "features.npy"), str(folder / "index.csv")),
        str(folder / "seed1.csv"),
        1,
        folds.Outputs(str(folder / "predictions.csv"), str(folder / "metrics.json"), str(folder / "explanations.npz")),
    )
    return folder


@pytest.mark.slow
def test_the_model_takes_crops_of_clips_that_are_stored_whole(run: Path) -> None:
    assert np.load(run / "features.npy").shape == (12, 24, 163)
    assert read_json(run / "fold1" / "model.json")["shape"] == [24, 63]


def test_prediction_of_a_recording_equals_the_evaluation(run: Path) -> None:
    table = read_clip_table(run / "predictions.csv")
    paths = [str(run / f"{clip}.wav") for clip in table["clip"]]
    found = list(Classifier([str(run / "fold1")]).predict(paths, Options(), 1))
    assert [prediction.windows for prediction in found] == [5, 1, 3, 1]
    # The frames at the ends of a window differ: a recording is cut first, and then transformed.
    probabilities = np.stack([prediction.probabilities for prediction in found])
    assert np.allclose(probabilities, table[["dog", "rain"]], atol=0.01)
    assert np.ptp(probabilities[:, 0]) > 0.3


def test_robustness_and_transfer_average_windows_too(run: Path) -> None:
    settings = read_json(run / "fold1" / "model.json")["front_end"]
    splits, clips = [str(run / "seed1.csv")], str(run / "clips.csv")
    changed = FeatureFiles(str(run / "changed.npy"), str(run / "changed.csv"))
    perturb_features(
        clips, splits, settings, [("noise", 100.0)], features=changed.array, index=changed.index, threads=1
    )
    evaluate_robustness([str(run / "fold1")], changed, splits[0], 1, str(run / "robust.csv"))
    expected = read_clip_table(run / "predictions.csv").set_index("clip")
    assert read_clip_table(run / "robust.csv").set_index("clip")["predicted"].equals(expected["predicted"])
    transfer.evaluate_transfer(
        transfer.Inputs([str(run / "fold1")], splits, clips, str(run / "measures.csv"), overlaps=[], tested=[]),
        transfer.Target("own", {"source": "own"}, shared=True),
        1,
        transfer.Outputs(str(run / "moved.csv"), str(run / "moved_scores.csv")),
    )
    moved = read_clip_table(run / "moved.csv").set_index("clip")
    assert np.allclose(moved[["dog", "rain"]], expected.loc[moved.index, ["dog", "rain"]], atol=1e-5)
    assert len(moved) == 4


def test_front_ends_that_cannot_be_cropped_are_named() -> None:
    crop = {"training": {"epochs": 1, "crop": 1.0}, "family": "cnn"}
    fronts = {
        "resized": {"resize": [32, 32]},
        "short": {"duration": 2},
        "own-rates": {"sample_rate": None},
        "each": {"normalise": "clip"},
        "kaldi": {"front_end": "ast", "frames": 64},
    }
    features = {name: {"front_end": "logmel"} | settings for name, settings in fronts.items()}
    with pytest.raises(InputError) as refused:
        configuration(features=features, models={f"m-{name}": crop | {"features": name} for name in features})
    assert refused.value.problems == [
        "models.m-each.training.crop: the front-end normalises whole clips, not crops; choose another normalise",
        "models.m-kaldi.training.crop: the front-end keeps 64 frames, but 1 s have 98",
        "models.m-own-rates.training.crop: the front-end keeps the sample rates of the files; give it a sample_rate",
        "models.m-resized.training.crop: the front-end resizes clips of any length to one size; leave out resize",
        "models.m-short.training.crop: the front-end keeps only the first 2 s of a clip; leave out duration",
    ]
