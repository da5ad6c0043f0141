"""Write the page of models on other data sets."""

from soundbench.joblog import logged
from soundbench.pages.transfer import write_transfer_page

with logged(snakemake.log[0]):
    write_transfer_page(snakemake.input.table, snakemake.params.metric, snakemake.output[0])
