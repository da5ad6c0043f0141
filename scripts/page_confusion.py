"""Write the page of confusion matrices of a data set."""

from soundbench.core.job_log import logged
from soundbench.report.pages.compare import write_confusion_page

with logged(snakemake.log[0]):
    write_confusion_page(snakemake.input, snakemake.params.models, snakemake.output[0])
