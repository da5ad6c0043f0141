"""Draw the scores of changed clips."""

from soundbench.joblog import logged
from soundbench.plots.robustness import plot_robustness

with logged(snakemake.log[0]):
    plot_robustness(
        snakemake.input.table,
        snakemake.wildcards.dataset,
        snakemake.params.models,
        snakemake.params.metric,
        snakemake.output[0],
    )
