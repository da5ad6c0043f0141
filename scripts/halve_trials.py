"""Train the trials of a model by successive halving and choose one of them."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.training.arguments import job_execution, job_inputs, job_run
from soundbench.training.halving import halve_trials
from soundbench.training.tuning import Chosen

with logged(snakemake.log[0]):
    halve_trials(
        [job_run(snakemake, int(snakemake.wildcards.fold), *trial) for trial in snakemake.params.recipes.items()],
        job_inputs(snakemake),
        Chosen(snakemake.wildcards.model, Path(snakemake.output.model).parent, Path(snakemake.output.trials)),
        list(snakemake.params.search),
        snakemake.params.rate,
        job_execution(snakemake),
    )
