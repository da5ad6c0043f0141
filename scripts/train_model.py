"""Train one model on one fold."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.training.arguments import job_execution, job_inputs, job_run
from soundbench.training.job import train_model
from soundbench.training.run import Outputs

with logged(snakemake.log[0]):
    train_model(
        job_run(snakemake, snakemake.wildcards.model, snakemake.params.recipe),
        job_inputs(snakemake),
        Outputs(Path(snakemake.output.model).parent, snakemake.params.epoch_interval),
        job_execution(snakemake),
    )
