"""Draw the scores of changed clips."""

from soundbench.core.job_log import logged
from soundbench.report.figures.robustness import plot_robustness

with logged(snakemake.log[0]):
    plot_robustness(
        snakemake.input.table,
        snakemake.wildcards.dataset,
        snakemake.params.models,
        snakemake.params.metric,
        snakemake.output[0],
    )
