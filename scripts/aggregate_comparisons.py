"""Write the paired comparisons of all models."""

import json

from soundbench.aggregation import aggregate_comparisons
from soundbench.joblog import logged

with logged(snakemake.log[0]):
    aggregate_comparisons(
        snakemake.input.scores,
        snakemake.input.predictions,
        snakemake.input.splits,
        json.loads(snakemake.params.plan),
        snakemake.params.metric,
        snakemake.output.comparisons,
    )
