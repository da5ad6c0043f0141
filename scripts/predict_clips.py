"""Predict recordings with a trained model: a job of the workflow, or a command (see --help)."""

import json
import sys

from soundbench.core.job_log import logged
from soundbench.inference.command_line import main


def job() -> None:
    """Predict the recordings that an entry of `predict` names."""
    from soundbench.inference.job import Models, Outputs, predict_clips

    with logged(snakemake.log[0]):
        predict_clips(
            Models(
                list(snakemake.input.models),
                list(snakemake.input.histories),
                list(snakemake.input.clips),
                list(snakemake.input.splits),
            ),
            list(snakemake.params.recordings),
            json.loads(snakemake.params.options),
            snakemake.threads,
            Outputs(**snakemake.output),
        )


job() if "snakemake" in globals() else sys.exit(main())
