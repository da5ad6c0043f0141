"""Draw the comparison of models."""

from soundbench.core.job_log import logged
from soundbench.report.figures.scores import plot_scores

with logged(snakemake.log[0]):
    plot_scores(
        snakemake.input.scores,
        snakemake.input.leaderboard,
        snakemake.params.models,
        snakemake.params.metric,
        snakemake.output[0],
    )
