"""Train one model on one fold, or on all folds one after the other."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.training.arguments import job_execution, job_inputs, job_run
from soundbench.training.job import train_model
from soundbench.training.run import Outputs

with logged(snakemake.log[0]):
    folders = [Path(file).parent for file in snakemake.output.model]
    one = hasattr(snakemake.wildcards, "fold")
    folds = [int(snakemake.wildcards.fold)] if one else range(1, len(folders) + 1)
    for fold, folder in zip(folds, folders, strict=True):
        train_model(
            job_run(snakemake, fold, snakemake.wildcards.model, snakemake.params.recipe),
            job_inputs(snakemake),
            Outputs(folder, snakemake.params.epoch_interval),
            job_execution(snakemake),
        )
