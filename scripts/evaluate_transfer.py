"""Test a run's models on another data set."""

import json
from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.transfer import evaluate_transfer

with logged(snakemake.log[0]):
    evaluate_transfer(
        [str(Path(model).parent) for model in snakemake.input.models],
        snakemake.input.splits,
        shared=snakemake.params.shared,
        clips=snakemake.input.clips,
        measures=snakemake.input.measures,
        overlaps=list(snakemake.input.overlaps),
        to=snakemake.params.to,
        view=json.loads(snakemake.params.view),
        tested=list(snakemake.input.tested),
        threads=snakemake.threads,
        predictions=snakemake.output.predictions,
        scores=snakemake.output.scores,
    )
