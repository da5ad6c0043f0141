"""Export, robustness, transfer and prediction in one small study with copies, by the real workflow.

Each rule runs in the environment of its own file in envs/, with no other package in reach.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from helpers import standin_conda
from helpers.modelcards import run_card
from helpers.shared import made_once
from helpers.workflow import REPOSITORY, Workflow
from soundbench.core.storage import read_clip_table, read_json
from soundbench.data.audio import write_audio
from soundbench.models.saved import load_model
from soundbench.study.training_jobs import RULE

pytestmark = pytest.mark.slow

TONES = {"reader": "synthetic", "classes": 3, "recordings": 1, "takes": 2, "seconds": 0.5}
HOLDOUT = {"scheme": "holdout", "protocol": "nested"}
SHORT = {"epochs": 1, "batch_size": 8}
RUN = {"dataset": "copies", "model": "cnn"}
FITTED = {"dataset": "copies", "model": "svm"}
ENCODED = {"dataset": "copies", "model": "encoder"}
# A small encoder that reads samples. The networks of its two epochs are averaged.
ENCODER = {
    **{"model_type": "wav2vec2", "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2},
    **{"intermediate_size": 24, "conv_dim": [4, 4], "conv_stride": [5, 4], "conv_kernel": [10, 8]},
    **{"num_feat_extract_layers": 2, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2},
    "feat_extract_norm": "layer",
}
AVERAGED = SHORT | {"epochs": 2, "average": "predictions", "checkpoints": 2, "keep": "last"}
EFFECTS = [{"effect": "pitch_shift", "semitones": 2}, {"effect": "time_stretch", "rate": 0.9}]
NOISE = {"effect": "noise", "snr": 10, "recordings": "noises"}
STUDY = {
    "benchmark": {
        **{"datasets": ["copies"], "models": ["cnn", "encoder", "svm", "both"], "seeds": [1]},
        "every_epoch": True,
    },
    "sources": {"synthetic": TONES, "other": TONES | {"seed": 7, "seconds": 0.7, "shards": 2}},
    "datasets": {
        "copies": {"source": "synthetic", "augment": [{"variants": ["hum"]}], "split": HOLDOUT},
        "other": {"source": "other", "augment": [{"variants": ["hum"]}], "split": HOLDOUT},
    },
    "augmentations": {"hum": {"steps": [*EFFECTS, NOISE]}},
    "models": {
        "cnn": {"width": 4, "training": SHORT, "contamination": ["seen.txt"]},
        "encoder": {
            **{"family": "transformers", "features": "waveform", "layer": "weighted", "pooling": "attentive"},
            **{"configuration": ENCODER, "training": AVERAGED},
        },
        "both": {"family": "ensemble", "members": ["cnn", "svm"]},
    },
    "robustness": {"models": ["encoder"], "noise": [0], "pitch": [2], "speed": [1.1]},
    "transfer": {
        "elsewhere": {"from": ENCODED, "to": "other"},
        "home": {"from": FITTED, "to": "copies", "clips": "test"},
    },
    "predict": {"noise": {"recordings": ["noises/noise.wav"], "model": ENCODED | {"seed": 1}}},
}
EXPORTED = "results/exported/copies/cnn"
EXPORTED_ENCODER = "results/exported/copies/encoder"
SHARDED = tuple(f"results/features/other/logmel64/{variant}.npy" for variant in ("orig", "hum"))
TARGETS = ("all", "robustness", "transfer", "predict", "feature_images", *SHARDED, EXPORTED, EXPORTED_ENCODER)
# Fetching weights, and embedding clips with them, needs published ones; no model here is tuned, and the
# jobs that tune have the environment of training.
NOT_RUN = {"fetch_weights", "embed_clips", "choose_trial", "halve_trials"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The finished study."""
    return Workflow.of(made_once(tmp_path_factory, "trained", run_study) / "workflow")


def run_study(folder: Path) -> None:
    """Run the study in ``folder``."""
    workflow = Workflow(folder / "workflow")
    noise = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    (workflow.folder / "noises").mkdir()
    write_audio(workflow.folder / "noises" / "noise.wav", noise, 16000)
    seen = [
        "# recordings and a file of the first source",
        *(f"bird-{fold}00" for fold in range(1, 6)),
        "alarm-100-0.wav",
    ]
    (workflow.folder / "seen.txt").write_text("\n".join(seen))
    overlay = workflow.overlay("study", **STUDY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STANDIN_CONDA_OWNER", str(os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()))
        patch.setenv("PATH", str(standin_conda.install(folder / "conda")), prepend=":")
        patch.setenv("NUMBA_CACHE_DIR", str(folder / "compiled"))  # of environments that end with the test
        workflow.run(*TARGETS, "--profile", "profiles/conda", "--cores", "2", "--configfile", overlay)


def test_every_rule_with_a_script_ran_in_the_environment_of_its_own_file(study: Workflow) -> None:
    expected = {RULE}
    for file in (REPOSITORY / "rules").glob("*.smk"):
        parts = re.split(r"^rule (\w+):", file.read_text(), flags=re.M)[1:]
        expected |= {name for name, body in zip(parts[::2], parts[1::2], strict=True) if "\n    script:" in body}
    # The terminal has one line per job; the log file has what Snakemake says of each.
    logs = "\n".join(file.read_text() for file in (study.folder / ".snakemake" / "log").glob("*.log"))
    ran = set(re.findall(r"^(?:local)?rule (\w+):", logs, flags=re.M))
    assert len(expected) > 25
    assert ran >= expected - NOT_RUN
    made = list((study.folder / ".snakemake" / "conda").glob("*/pyvenv.cfg"))
    assert len(made) == len(list((REPOSITORY / "envs").glob("*.yaml")))


def test_trained_models_are_exported_and_tested_with_noise_and_elsewhere(study: Workflow, tmp_path: Path) -> None:
    shutil.copytree(study.folder / EXPORTED, shared := tmp_path / "shared")
    for file in shared.iterdir():
        assert str(study.folder).encode() not in file.read_bytes(), file
        assert str(Path.home()).encode() not in file.read_bytes() or str(Path.home()) == "/", file
    clips = read_clip_table(study.results / "clips" / "synthetic.csv")
    shutil.copyfile(study.folder / clips["path"].iloc[0], shared / "sound.wav")
    printed = run_card(shared)
    assert set(re.findall(r"^(\w+): 0\.", printed, flags=re.MULTILINE)) == {"alarm", "bird", "clock"}

    board = pd.read_csv(study.results / "summary" / "leaderboard.csv").set_index("model")
    card = (shared / "README.md").read_text()
    entry = board.loc["cnn"]
    assert f"{100 * entry['interval_low']:.1f} to {100 * entry['interval_high']:.1f}" in card

    curves = pd.read_csv(study.results / "summary" / "robustness.csv")
    assert curves["kind"].tolist() == ["unchanged", "noise", "pitch", "speed"]
    assert curves["accuracy"].iloc[0] == pytest.approx(board.loc["encoder", "mean"])
    assert not list((study.results / "robustness" / "copies").glob("*.npy"))

    moved = pd.read_csv(study.results / "summary" / "transfer.csv").set_index(["transfer", "tested_on"])
    assert moved.loc[("elsewhere", "other"), "clips"] == 30
    # On its own data set a model is tested on what it has not heard: its own test clips.
    scores = pd.read_csv(study.results / "transfer" / "home" / "scores.csv")
    predictions = read_clip_table(study.results / "runs" / "copies" / "svm" / "seed1" / "predictions.csv")
    assert scores["clips"].tolist() == [len(predictions)]
    at_home = moved.xs("home")
    assert at_home["accuracy"].nunique() == 1
    assert at_home["accuracy"].iloc[0] == pytest.approx(board.loc["svm", "mean"])
    assert len(read_clip_table(study.results / "predictions" / "noise" / "predictions.csv")) == 1


def test_every_use_of_test_clips_is_counted_and_lists_are_compared_with_them(study: Workflow) -> None:
    """Three models, an ensemble, changed clips, and the transfer to the same clips; the other has other clips."""
    ledger = pd.read_csv(study.results / "summary" / "ledger.csv")
    assert ledger["test_evaluations"].unique().tolist() == [6]
    tested = read_clip_table(study.results / "runs" / "copies" / "cnn" / "seed1" / "predictions.csv")["clip"]
    seen = pd.read_csv(study.results / "summary" / "contamination.csv")
    assert seen["model"].tolist() == ["cnn", "both"]
    listed = tested.str.startswith("bird-").sum() + tested.eq("alarm-100-0").sum()
    assert seen["listed"].tolist() == [listed, listed]
    assert '#contamination">Contamination</a>' in (study.results / "summary" / "report.html").read_text()


def test_networks_of_two_epochs_are_one_model(study: Workflow) -> None:
    """Of an encoder, everywhere: the export has compared its ONNX file with the evaluation."""
    state = load_file(study.folder / EXPORTED_ENCODER / "model.safetensors")
    assert {name.split(".")[1] for name in state if name.startswith("members.")} == {"0", "1"}
    assert (study.folder / EXPORTED_ENCODER / "model.onnx").exists()
    description = read_json(study.folder / EXPORTED_ENCODER / "model.json")
    assert description["parameters"] == sum(tensor.numel() for tensor in state.values())
    network, _ = load_model(study.folder / EXPORTED_ENCODER)
    samples = torch.randn(2, 1, 1, 8000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        one, other = (member(samples) for member in network.members)
        assert not torch.equal(one, other)
        assert torch.allclose(network(samples), (one + other) / 2)


def test_another_use_of_a_trained_model_does_not_train_it_again(study: Workflow) -> None:
    more = study.overlay("more", robustness={"noise": [0, 10]}, transfer={"all": {"from": RUN, "to": "other"}})
    targets = ("results/exported/copies/svm", "robustness", "transfer")
    planned = study.planned(*targets, "--configfile", "study.yaml", more)
    assert set(planned) >= {"export_model", "perturb_features", "evaluate_transfer"}
    assert "train_model" not in planned
