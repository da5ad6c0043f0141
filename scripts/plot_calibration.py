"""Draw the reliability diagrams of a data set."""

from soundbench.joblog import logged
from soundbench.plots.confusion import plot_calibration

with logged(snakemake.log[0]):
    plot_calibration(snakemake.input, snakemake.params.models, snakemake.output[0])
