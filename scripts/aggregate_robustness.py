"""Write the scores of changed clips."""

from soundbench.joblog import logged
from soundbench.robustnesstables import aggregate_robustness

with logged(snakemake.log[0]):
    aggregate_robustness(
        snakemake.input.altered,
        snakemake.input.predictions,
        snakemake.input.splits,
        snakemake.params.protocols,
        snakemake.output.table,
    )
