"""Put the augmented copies of all shards of a source into one folder and one table."""

from soundbench.augment.gather import gather_copies
from soundbench.core.job_log import logged

with logged(snakemake.log[0]):
    gather_copies(
        snakemake.input.tables,
        snakemake.input.folders,
        snakemake.output.table,
        snakemake.output.audio,
    )
