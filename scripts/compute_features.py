"""Compute the features of all clips of a source, or of the augmented copies of one variant."""

import json

from soundbench.featurefiles import compute_features
from soundbench.joblog import logged

with logged(snakemake.log[0]):
    compute_features(
        snakemake.input.clips,
        json.loads(snakemake.params.settings),
        snakemake.output.features,
        snakemake.output.index,
        snakemake.threads,
        copies=snakemake.input.get("copies") or None,
    )
