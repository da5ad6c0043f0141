"""Write the scores of all runs and the leaderboard."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.summary import Inputs, Outputs, aggregate_scores

with logged(snakemake.log[0]):
    aggregate_scores(
        Inputs(snakemake.input.metrics, snakemake.input.predictions, snakemake.input.splits),
        json.loads(snakemake.params.plan),
        snakemake.params.metric,
        json.loads(snakemake.params.references),
        Outputs(**snakemake.output),
    )
