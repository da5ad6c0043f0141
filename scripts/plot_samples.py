"""Draw sample predictions of a model on a data set."""

from soundbench.joblog import logged
from soundbench.plots.samples import plot_samples

with logged(snakemake.log[0]):
    plot_samples(snakemake.input.predictions, snakemake.input.clips, snakemake.output[0])
