"""Write the costs of each model."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.breakdowns import aggregate_costs

with logged(snakemake.log[0]):
    aggregate_costs(
        snakemake.input.metrics,
        json.loads(snakemake.params.plan),
        snakemake.output.costs,
    )
