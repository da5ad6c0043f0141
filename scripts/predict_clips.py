"""Predict recordings with a trained model: a job of the workflow, or a command (see --help)."""

import json
import sys

from soundbench.core.job_log import logged
from soundbench.inference.command_line import main


def job() -> None:
    """Predict the recordings that an entry of `predict` names."""
    from soundbench.inference.job import predict_clips

    with logged(snakemake.log[0]):
        predict_clips(
            list(snakemake.input.models),
            histories=list(snakemake.input.histories),
            clips=list(snakemake.input.clips),
            splits=list(snakemake.input.splits),
            recordings=list(snakemake.params.recordings),
            options=json.loads(snakemake.params.options),
            threads=snakemake.threads,
            **snakemake.output,
        )


job() if "snakemake" in globals() else sys.exit(main())
