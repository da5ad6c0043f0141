"""Write the scores of all runs and the leaderboard."""

from soundbench.aggregation import aggregate_scores
from soundbench.joblog import logged

with logged(snakemake.log[0]):
    aggregate_scores(
        snakemake.input.metrics,
        snakemake.input.predictions,
        dict(zip(snakemake.params.datasets, snakemake.input.splits, strict=True)),
        snakemake.params.metric,
        snakemake.output.scores,
        snakemake.output.leaderboard,
    )
