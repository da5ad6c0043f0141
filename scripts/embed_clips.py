"""Embed the features of all clips of a source, or of the augmented copies of one variant."""

import json

from soundbench.core.job_log import logged
from soundbench.features.files import FeatureFiles
from soundbench.models.embeddings import EmbeddingSettings, embed_clips

with logged(snakemake.log[0]):
    embed_clips(
        snakemake.wildcards.source,
        EmbeddingSettings(
            json.loads(snakemake.params.recipe), json.loads(snakemake.params.front_end), snakemake.params.precision
        ),
        weights=list(snakemake.input.weights),
        features=FeatureFiles(snakemake.input.features, snakemake.input.index),
        outputs=FeatureFiles(snakemake.output.features, snakemake.output.index),
        threads=snakemake.threads,
        shard=snakemake.wildcards.get("shard"),
    )
