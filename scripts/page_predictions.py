"""Write the page of predicted recordings."""

from soundbench.joblog import logged
from soundbench.pages.predictions import write_predictions_page

with logged(snakemake.log[0]):
    write_predictions_page(**snakemake.input, name=snakemake.wildcards.prediction, path=snakemake.output[0])
