"""Write a PNG of each row of a feature array."""

from soundbench.joblog import logged
from soundbench.pictures import draw_pictures

with logged(snakemake.log[0]):
    draw_pictures(
        snakemake.input.features, snakemake.input.index, snakemake.wildcards.variant, snakemake.output.pictures
    )
