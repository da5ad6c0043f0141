"""Choose one of the trials of a model by its validation score."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.training.tuning import Chosen, choose_trial

with logged(snakemake.log[0]):
    choose_trial(
        Chosen(snakemake.wildcards.model, Path(snakemake.output.model).parent, Path(snakemake.output.trials)),
        [Path(file).parent for file in snakemake.input.descriptions],
        list(snakemake.params.search),
    )
