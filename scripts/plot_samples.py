"""Draw sample predictions of a model on a data set."""

from soundbench.core.job_log import logged
from soundbench.report.figures.samples import plot_samples

with logged(snakemake.log[0]):
    plot_samples(snakemake.input.predictions, snakemake.input.clips, snakemake.output[0])
