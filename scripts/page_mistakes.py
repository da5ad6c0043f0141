"""Write the page of mistakes of a model on a data set."""

from soundbench.core.job_log import logged
from soundbench.report.pages.mistakes import write_mistakes_page

with logged(snakemake.log[0]):
    write_mistakes_page(
        snakemake.input.metrics,
        snakemake.input.predictions,
        snakemake.input.clips,
        snakemake.output[0],
    )
