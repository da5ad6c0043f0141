"""Draw the mean ranks of models over data sets."""

from soundbench.core.job_log import logged
from soundbench.report.figures.scores import plot_ranks

with logged(snakemake.log[0]):
    plot_ranks(snakemake.input.leaderboard, snakemake.params.models, snakemake.output[0])
