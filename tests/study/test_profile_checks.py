"""Command lines that replace requests of a profile are noticed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from helpers.workflow import REPOSITORY, Workflow
from soundbench.study.profile_checks import lost_requests, warn_of_replaced_blocks

PROFILE = str(REPOSITORY / "profiles" / "slurm")


def test_lost_requests_of_a_rule_are_named() -> None:
    asked = {"train_model": {"slurm_partition": "gpu", "gpu": 1}, "": {"mem_mb": 2000}}
    assert list(lost_requests(asked, {"train_model": {"runtime": 600}, "": {"mem_mb": 1}})) == [
        "train_model: slurm_partition=gpu, gpu=1"
    ]
    assert list(lost_requests(asked, asked | {"train_model": {"slurm_partition": "big", "gres": "gpu:1"}})) == []
    assert list(lost_requests(asked, {"train_model": asked["train_model"]})) == ["all rules: mem_mb=2000"]


def test_no_profile_no_warning(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    settings = SimpleNamespace(overwrite_resources={}, default_resources=None)
    warn_of_replaced_blocks(["--cores", "8"], settings)
    assert not caplog.messages
    warn_of_replaced_blocks(["--cores", "8", f"--profile={PROFILE}"], settings)
    assert "train_model: slurm_partition=gpu, gpu=1" in caplog.text


@pytest.mark.slow
def test_dry_run_says_that_training_would_have_no_gpu(workflow: Workflow) -> None:
    """The same without the option says nothing: test_slurm.py, test_profile_is_found."""
    options = ("--profile", "slurm", "-n", "results/clips/synthetic.csv")
    replaced = workflow.run(*options, "--set-resources", "train_model:runtime=600").stdout
    assert "train_model: slurm_partition=gpu, gpu=1" in replaced
