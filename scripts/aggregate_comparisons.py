"""Write the paired comparisons of all models, and of all views of one source."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.comparisons import aggregate_comparisons
from soundbench.evaluation.views import aggregate_view_comparisons

with logged(snakemake.log[0]):
    runs = (snakemake.input.predictions, snakemake.input.splits, json.loads(snakemake.params.plan))
    decision = (snakemake.params.metric, snakemake.params.margin)
    aggregate_comparisons(*runs, *decision, snakemake.output.comparisons)
    aggregate_view_comparisons(*runs, *decision, snakemake.output.views)
