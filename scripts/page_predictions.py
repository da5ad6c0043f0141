"""Write the page of predicted recordings."""

from soundbench.core.job_log import logged
from soundbench.report.pages.predictions import write_predictions_page

with logged(snakemake.log[0]):
    write_predictions_page(**snakemake.input, name=snakemake.wildcards.prediction, path=snakemake.output[0])
