"""Export a trained model to a folder for use elsewhere."""

import json

from soundbench.core.job_log import logged
from soundbench.export.folder import export_model

with logged(snakemake.log[0]):
    export_model(
        model=snakemake.input.model,
        features=snakemake.input.features,
        index=snakemake.input.index,
        split=snakemake.input.split,
        clips=snakemake.input.clips,
        metrics=snakemake.input.metrics,
        predictions=snakemake.input.predictions,
        audit=snakemake.input.audit,
        data=json.loads(snakemake.params.data),
        threads=snakemake.threads,
        folder=snakemake.output.folder,
    )
