"""Write the paired comparisons of all models."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.leaderboard import aggregate_comparisons

with logged(snakemake.log[0]):
    aggregate_comparisons(
        snakemake.input.scores,
        snakemake.input.predictions,
        snakemake.input.splits,
        json.loads(snakemake.params.plan),
        snakemake.params.metric,
        snakemake.output.comparisons,
    )
