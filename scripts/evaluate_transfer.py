"""Test a run's models on another data set."""

import json
from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.evaluated import model_settings, record_evaluation
from soundbench.evaluation.transfer import Inputs, Outputs, Target, evaluate_transfer, predicted_digests

with logged(snakemake.log[0]):
    folders = [str(Path(model).parent) for model in snakemake.input.models]
    evaluate_transfer(
        Inputs(
            folders,
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
    record_evaluation(
        snakemake.params.records,
        predicted_digests(snakemake.output.predictions, snakemake.input.measures),
        [*model_settings(folders), {"tested on": "another data set"}],
        transfer=snakemake.wildcards.transfer,
    )
