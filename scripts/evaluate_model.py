"""Predict the test clips of every fold of a run, score the predictions, and explain some of them."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.folds import evaluate_model

with logged(snakemake.log[0]):
    evaluate_model(
        [str(Path(model).parent) for model in snakemake.input.models],
        features=snakemake.input.features,
        index=snakemake.input.index,
        split=snakemake.input.split,
        threads=snakemake.threads,
        predictions=snakemake.output.predictions,
        metrics=snakemake.output.metrics,
        explanations=snakemake.output.explanations,
    )
