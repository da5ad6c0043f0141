"""Write the augmented copies of one variant of a source's clips."""

import json

from soundbench.augment.waveform import augment_clips
from soundbench.core.job_log import logged

with logged(snakemake.log[0]):
    augment_clips(
        snakemake.input.clips,
        snakemake.wildcards.variant,
        json.loads(snakemake.params.variant),
        json.loads(snakemake.params.views),
        snakemake.output.table,
        snakemake.output.audio,
        snakemake.threads,
        shard=snakemake.wildcards.get("shard"),
    )
