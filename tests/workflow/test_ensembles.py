"""An ensemble in the real workflow: its members are trained once, and it stands beside them in every table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.workflow import TINY, Workflow
from soundbench.core.storage import read_clip_table, read_json
from soundbench.inference.classifier import Classifier, Options


@pytest.mark.slow
def test_ensembles_are_compared_with_their_members(tiny_copy: Workflow) -> None:
    models = {
        "both": {"family": "ensemble", "members": ["cnn", "resnet10t"], "mean": "logits"},
        "twice": {"family": "ensemble", "members": ["cnn"], "runs": 2},
    }
    benchmark = TINY["benchmark"] | {"models": ["cnn", "resnet10t", "both", "twice"]}
    tiny_copy.overlay("tiny", **TINY | {"benchmark": benchmark, "models": TINY["models"] | models})
    done = tiny_copy.run("--cores", "2", "--configfile", "tiny.yaml")
    trained = [line for line in done.stdout.splitlines() if " train_model " in line]
    assert trained
    assert not [line for line in trained if "/resnet10t/" in line]
    runs = tiny_copy.results / "runs" / "synthetic"
    assert {path.name for path in (runs / "cnn").iterdir()} == {"seed1", "seed2", "seed3", "seed4"}
    assert {path.name for path in (runs / "twice").iterdir()} == {"seed1", "seed2"}
    record = read_json(runs / "twice" / "seed2" / "metrics.json")
    assert [member["seed"] for member in record["members"]] == [3, 4]
    members = [read_clip_table(runs / "cnn" / f"seed{seed}" / "predictions.csv") for seed in (3, 4)]
    found = read_clip_table(runs / "twice" / "seed2" / "predictions.csv")
    labels = record["labels"]
    means = sum(member.set_index("clip").loc[found["clip"], labels] for member in members) / 2
    assert found.set_index("clip")[labels].sub(means).abs().max(axis=None) < 1e-6
    leaderboard = pd.read_csv(tiny_copy.results / "summary" / "leaderboard.csv").set_index("model")
    assert set(leaderboard.index) == {"cnn", "resnet10t", "both", "twice"}
    assert leaderboard["rank"].notna().all()
    costs = pd.read_csv(tiny_copy.results / "summary" / "costs.csv").set_index("model")
    assert costs.loc["both", "parameters"] == costs.loc[["cnn", "resnet10t"], "parameters"].sum()
    comparisons = pd.read_csv(tiny_copy.results / "summary" / "comparisons.csv")
    assert {"both", "twice"} <= set(comparisons["model_a"]) | set(comparisons["model_b"])
    assert "twice" in (tiny_copy.results / "summary" / "leaderboard.md").read_text()


@pytest.mark.slow
def test_members_with_different_features_predict_recordings_as_they_were_evaluated(tiny_copy: Workflow) -> None:
    models = {"mixed": {"family": "ensemble", "members": ["cnn", "ridge-texture"]}}
    benchmark = TINY["benchmark"] | {"models": ["cnn", "mixed"], "seeds": [1]}
    clips = read_clip_table(tiny_copy.results / "clips" / "synthetic.csv").set_index("clip")
    new = {"recordings": [str(tiny_copy.folder / clips["path"].iloc[0])]}
    predict = {"new": new | {"model": {"dataset": "synthetic", "model": "mixed"}}}
    study = TINY | {"benchmark": benchmark, "models": TINY["models"] | models, "predict": predict}
    tiny_copy.overlay("tiny", **study)
    tiny_copy.run("results/summary/leaderboard.csv", "predict", "--cores", "2", "--configfile", "tiny.yaml")
    about = read_json(tiny_copy.results / "predictions" / "new" / "about.json")
    assert {each["model"] for each in about["models"]} == {"cnn", "ridge-texture"}
    assert len(about["trained_on"]) == 1  # it is a clip of the study

    runs = tiny_copy.results / "runs" / "synthetic"
    evaluated = read_clip_table(runs / "mixed" / "seed1" / "predictions.csv").set_index("clip")
    tested = evaluated[evaluated["fold"] == 1]
    classifier = Classifier([str(runs / name / "seed1" / "fold1") for name in ("cnn", "ridge-texture")])
    paths = [str(tiny_copy.folder / path) for path in clips["path"].loc[tested.index]]
    found = [each.probabilities for each in classifier.predict(paths, Options(), threads=1)]
    assert np.stack(found) == pytest.approx(tested[classifier.labels].to_numpy(), abs=2e-6)
