"""Put the features of all shards of a source, or of the copies of one variant, into one array."""

import json

from soundbench.core.job_log import logged
from soundbench.features.files import FeatureFiles
from soundbench.features.gather import gather_features

with logged(snakemake.log[0]):
    pairs = zip(snakemake.input.features, snakemake.input.index, strict=True)
    shards = [FeatureFiles(*pair) for pair in pairs]
    gather_features(
        shards,
        FeatureFiles(snakemake.output.features, snakemake.output.index),
        snakemake.input.clips,
        json.loads(snakemake.params.settings),
    )
