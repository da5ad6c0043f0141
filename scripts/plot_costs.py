"""Draw the scores of a data set against the costs."""

from soundbench.core.job_log import logged
from soundbench.report.figures.scores import plot_costs

with logged(snakemake.log[0]):
    plot_costs(
        snakemake.input.leaderboard,
        snakemake.input.costs,
        snakemake.wildcards.dataset,
        snakemake.params.models,
        snakemake.params.metric,
        snakemake.output[0],
    )
