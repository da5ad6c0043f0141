"""Write the page that compares models."""

from soundbench.joblog import logged
from soundbench.pages.compare import write_comparison_page

with logged(snakemake.log[0]):
    write_comparison_page(
        **snakemake.input,
        models=snakemake.params.models,
        metric=snakemake.params.metric,
        path=snakemake.output[0],
    )
