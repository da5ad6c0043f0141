"""Write one PNG per row of a feature array."""

from soundbench.core.job_log import logged
from soundbench.report.figures.features import draw_features

with logged(snakemake.log[0]):
    draw_features(snakemake.input.features, snakemake.input.index, snakemake.wildcards.variant, snakemake.output.images)
