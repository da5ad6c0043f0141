"""Compute the features of all clips of a source, or of the augmented copies of one variant."""

import json

from soundbench.core.job_log import logged
from soundbench.features.store import compute_features

with logged(snakemake.log[0]):
    compute_features(
        snakemake.input.clips,
        json.loads(snakemake.params.settings),
        snakemake.output.features,
        snakemake.output.index,
        snakemake.threads,
        copies=snakemake.input.get("copies") or None,
        shard=snakemake.wildcards.get("shard"),
    )
