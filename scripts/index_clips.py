"""Write the clip table of a source, and what the audit measures."""

import json

from soundbench.datasets import index_clips
from soundbench.joblog import logged

with logged(snakemake.log[0]):
    index_clips(
        json.loads(snakemake.params.source),
        snakemake.params.root,
        snakemake.params.on_bad_clip,
        snakemake.threads,
        clips=snakemake.output.clips,
        measures=snakemake.output.measures,
        landmarks=snakemake.output.landmarks,
        notes=snakemake.output.notes,
    )
