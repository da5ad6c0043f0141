"""Draw the training curves of a data set."""

from soundbench.core.job_log import logged
from soundbench.report.figures.training import plot_training

with logged(snakemake.log[0]):
    plot_training(snakemake.input, snakemake.params.models, snakemake.output[0])
