"""Predict the perturbed test clips of every fold of a run."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.robustness import evaluate_robustness
from soundbench.features.files import FeatureFiles

with logged(snakemake.log[0]):
    evaluate_robustness(
        [str(Path(model).parent) for model in snakemake.input.models],
        FeatureFiles(snakemake.input.features, snakemake.input.index),
        split=snakemake.input.split,
        threads=snakemake.threads,
        predictions=snakemake.output.predictions,
    )
