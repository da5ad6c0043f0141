"""Write the scores of models on other data sets."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.transfer_table import aggregate_transfer

with logged(snakemake.log[0]):
    aggregate_transfer(
        json.loads(snakemake.params.entries),
        snakemake.input.predictions,
        snakemake.input.scores,
        snakemake.input.home,
        snakemake.input.splits,
        snakemake.params.views,
        snakemake.output.table,
    )
