"""Write what each model takes."""

import json

from soundbench.details import aggregate_costs
from soundbench.joblog import logged

with logged(snakemake.log[0]):
    aggregate_costs(
        snakemake.input.metrics,
        snakemake.input.benchmarks,
        json.loads(snakemake.params.plan),
        snakemake.output.costs,
    )
