"""Test a run's models on another data set."""

import json
from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.transfer import Inputs, Outputs, Target, evaluate_transfer

with logged(snakemake.log[0]):
    evaluate_transfer(
        Inputs(
            [str(Path(model).parent) for model in snakemake.input.models],
            splits=snakemake.input.splits,
            clips=snakemake.input.clips,
            measures=snakemake.input.measures,
            overlaps=snakemake.input.overlaps,
            tested=snakemake.input.tested,
        ),
        Target(snakemake.params.to, json.loads(snakemake.params.view), snakemake.params.shared),
        snakemake.threads,
        Outputs(**snakemake.output),
    )
