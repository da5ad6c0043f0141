"""Predict the perturbed test clips of every fold of a run."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.robustness import evaluate_robustness

with logged(snakemake.log[0]):
    evaluate_robustness(
        [str(Path(model).parent) for model in snakemake.input.models],
        features=snakemake.input.features,
        index=snakemake.input.index,
        split=snakemake.input.split,
        threads=snakemake.threads,
        predictions=snakemake.output.predictions,
    )
