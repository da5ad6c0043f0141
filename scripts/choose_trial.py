"""Choose one of the trials of a model by its validation score."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.training.tuning import choose_trial

with logged(snakemake.log[0]):
    choose_trial(
        snakemake.wildcards.model,
        [str(Path(file).parent) for file in snakemake.input.descriptions],
        list(snakemake.params.search),
        str(Path(snakemake.output.model).parent),
        snakemake.output.trials,
    )
