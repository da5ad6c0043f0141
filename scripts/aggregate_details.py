"""Write the tables of classes, confused pairs and speakers."""

from soundbench.details import aggregate_details
from soundbench.joblog import logged

with logged(snakemake.log[0]):
    aggregate_details(snakemake.input, **snakemake.output)
