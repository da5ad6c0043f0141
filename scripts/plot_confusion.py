"""Draw the confusion matrices of a data set."""

from soundbench.joblog import logged
from soundbench.plots.confusion import plot_confusion

with logged(snakemake.log[0]):
    plot_confusion(snakemake.input, snakemake.params.models, snakemake.output[0])
