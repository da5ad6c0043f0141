"""Write the clip table of a source, and the measurements for the audit."""

import json

from soundbench.core.job_log import logged
from soundbench.data.index import IndexFiles, index_clips

with logged(snakemake.log[0]):
    index_clips(
        json.loads(snakemake.params.source),
        snakemake.params.root,
        snakemake.params.on_bad_clip,
        snakemake.threads,
        IndexFiles(**dict(snakemake.output.items())),
        shards=list(zip(snakemake.input.inspected, snakemake.input.landmarks, strict=True)),
    )
