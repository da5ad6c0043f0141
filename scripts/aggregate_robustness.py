"""Write the scores of perturbed clips."""

from soundbench.core.job_log import logged
from soundbench.evaluation.robustness_table import aggregate_robustness

with logged(snakemake.log[0]):
    aggregate_robustness(
        snakemake.input.altered,
        snakemake.input.predictions,
        snakemake.input.splits,
        snakemake.params.views,
        snakemake.output.table,
    )
