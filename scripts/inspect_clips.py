"""Measure the clips of one shard of a source."""

import json

from soundbench.core.job_log import logged
from soundbench.data.index import inspect_shard

with logged(snakemake.log[0]):
    inspect_shard(
        json.loads(snakemake.params.source),
        snakemake.params.root,
        snakemake.wildcards.shard,
        snakemake.threads,
        measures=snakemake.output.measures,
        landmarks=snakemake.output.landmarks,
    )
