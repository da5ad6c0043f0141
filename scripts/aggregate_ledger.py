"""List every setting that was tried, with its validation score and the number of evaluations of the same test clips."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.ledger import Inputs, aggregate_ledger

with logged(snakemake.log[0]):
    names = ("trials", "descriptions", "histories", "splits", "measures")
    files = {name: list(snakemake.input[name]) for name in names}
    inputs = Inputs(**files, records=snakemake.params.records)
    aggregate_ledger(inputs, json.loads(snakemake.params.plan), snakemake.output.ledger)
