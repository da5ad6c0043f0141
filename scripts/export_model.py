"""Export a trained model to a folder for use elsewhere."""

import json

from soundbench.core.job_log import logged
from soundbench.export.folder import Inputs, export_model
from soundbench.features.files import FeatureFiles

with logged(snakemake.log[0]):
    export_model(
        Inputs(
            snakemake.input.model,
            FeatureFiles(snakemake.input.features, snakemake.input.index),
            split=snakemake.input.split,
            clips=snakemake.input.clips,
            metrics=snakemake.input.metrics,
            predictions=snakemake.input.predictions,
            audit=snakemake.input.audit,
        ),
        json.loads(snakemake.params.data),
        snakemake.threads,
        snakemake.output.folder,
    )
