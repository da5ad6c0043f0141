"""Predict the test clips of every fold of a run, score the predictions, and explain some of them."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.folds import Outputs, evaluate_model
from soundbench.features.files import FeatureFiles

with logged(snakemake.log[0]):
    evaluate_model(
        [str(Path(model).parent) for model in snakemake.input.models],
        FeatureFiles(snakemake.input.features, snakemake.input.index),
        snakemake.input.split,
        snakemake.threads,
        Outputs(**snakemake.output),
    )
