"""Write the page of mistakes of a model on a data set."""

from soundbench.joblog import logged
from soundbench.pages.mistakes import write_mistakes_page

with logged(snakemake.log[0]):
    write_mistakes_page(
        snakemake.input.metrics,
        snakemake.input.predictions,
        snakemake.input.clips,
        snakemake.output[0],
    )
