"""Compare rules that choose an epoch."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.epoch_choice import aggregate_epochs

with logged(snakemake.log[0]):
    plan = json.loads(snakemake.params.plan)
    aggregate_epochs(snakemake.input.tables, plan, snakemake.params.metric, snakemake.output.table)
