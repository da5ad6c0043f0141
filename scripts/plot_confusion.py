"""Draw the confusion matrices of a data set, or of a model."""

from soundbench.core.job_log import logged
from soundbench.report.figures.confusion import plot_confusion

with logged(snakemake.log[0]):
    plot_confusion(
        snakemake.input,
        snakemake.params.panels,
        snakemake.params.names,
        snakemake.params.metric,
        snakemake.output[0],
    )
