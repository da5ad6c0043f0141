"""Draw the reliability diagrams of a data set."""

from soundbench.core.job_log import logged
from soundbench.report.figures.confusion import plot_calibration

with logged(snakemake.log[0]):
    plot_calibration(snakemake.input, snakemake.params.models, snakemake.output[0])
