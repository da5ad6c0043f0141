"""Write the scores of models with and without the test clips that lists say they have seen."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.contamination import Inputs, aggregate_contamination

with logged(snakemake.log[0]):
    aggregate_contamination(
        Inputs(list(snakemake.input.predictions), list(snakemake.input.splits), list(snakemake.input.measures)),
        json.loads(snakemake.params.plan),
        json.loads(snakemake.params.lists),
        snakemake.params.metric,
        snakemake.output.table,
    )
