"""Write the page of models on other data sets."""

from soundbench.core.job_log import logged
from soundbench.report.pages.transfer import write_transfer_page

with logged(snakemake.log[0]):
    write_transfer_page(snakemake.input.table, snakemake.params.metric, snakemake.output[0])
