"""Write the tables of classes, confused pairs and speakers."""

from soundbench.core.job_log import logged
from soundbench.evaluation.breakdowns import aggregate_details

with logged(snakemake.log[0]):
    aggregate_details(snakemake.input, **snakemake.output)
