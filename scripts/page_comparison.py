"""Write the page that compares models."""

from soundbench.core.job_log import logged
from soundbench.report.pages.compare import write_comparison_page

with logged(snakemake.log[0]):
    write_comparison_page(
        **snakemake.input,
        models=snakemake.params.models,
        metric=snakemake.params.metric,
        path=snakemake.output[0],
    )
