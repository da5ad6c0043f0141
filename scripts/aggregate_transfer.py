"""Write the scores of models on other data sets."""

import json

from soundbench.joblog import logged
from soundbench.transfertables import aggregate_transfer

with logged(snakemake.log[0]):
    aggregate_transfer(
        json.loads(snakemake.params.entries),
        snakemake.input.predictions,
        snakemake.input.scores,
        snakemake.input.home,
        snakemake.input.splits,
        snakemake.output.table,
    )
