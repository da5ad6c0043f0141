"""Train one model on one fold."""

import json
from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.features.files import FeatureFiles
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Run

with logged(snakemake.log[0]):
    train_model(
        Run(
            dataset=snakemake.wildcards.dataset,
            model=snakemake.wildcards.model,
            seed=int(snakemake.wildcards.seed),
            fold=int(snakemake.wildcards.fold),
            protocol=snakemake.params.protocol,
            recipe=json.loads(snakemake.params.recipe),
            front_end=json.loads(snakemake.params.front_end),
            augment=json.loads(snakemake.params.augment),
            code=snakemake.params.code,
            source=snakemake.params.source,
            task=snakemake.params.task,
            options=json.loads(snakemake.params.options),
        ),
        Inputs(
            features=FeatureFiles(snakemake.input.features, snakemake.input.index),
            split=snakemake.input.split,
            measures=snakemake.input.measures,
            variants=dict(
                zip(
                    snakemake.params.variants,
                    map(FeatureFiles, snakemake.input.variants, snakemake.input.variant_indexes),
                    strict=True,
                )
            ),
            weights=list(snakemake.input.weights),
            embedding=list(snakemake.input.embedding),
            overlaps=list(snakemake.input.overlaps),
        ),
        folder=str(Path(snakemake.output.model).parent),
        every_epoch=snakemake.output.get("epochs") is not None,
        threads=snakemake.threads,
        checkpoint_seconds=snakemake.resources.checkpoint_seconds,
        device=snakemake.resources.device,
    )
