"""Draw the comparison of models."""

from soundbench.joblog import logged
from soundbench.plots.scores import plot_scores

with logged(snakemake.log[0]):
    plot_scores(
        snakemake.input.scores,
        snakemake.input.leaderboard,
        snakemake.params.models,
        snakemake.params.metric,
        snakemake.output[0],
    )
