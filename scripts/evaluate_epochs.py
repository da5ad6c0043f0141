"""Score the test clips of a fold with the weights after every epoch."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.epochs import evaluate_epochs
from soundbench.features.files import FeatureFiles

with logged(snakemake.log[0]):
    evaluate_epochs(
        Path(snakemake.input.model).parent,
        snakemake.input.epochs,
        FeatureFiles(snakemake.input.features, snakemake.input.index),
        snakemake.input.split,
        snakemake.threads,
        snakemake.output.table,
    )
