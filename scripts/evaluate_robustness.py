"""Predict the perturbed test clips of every fold of a run."""

import json
from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.evaluated import model_settings, record_evaluation, split_digests
from soundbench.evaluation.robustness import evaluate_robustness
from soundbench.features.files import FeatureFiles

with logged(snakemake.log[0]):
    folders = [str(Path(model).parent) for model in snakemake.input.models]
    evaluate_robustness(
        folders,
        FeatureFiles(snakemake.input.features, snakemake.input.index),
        split=snakemake.input.split,
        threads=snakemake.threads,
        predictions=snakemake.output.predictions,
    )
    record_evaluation(
        snakemake.params.records,
        split_digests(snakemake.input.split, snakemake.input.measures),
        [*model_settings(folders), {"levels": json.loads(snakemake.params.levels)}],
        **{key: snakemake.wildcards[key] for key in ("dataset", "model", "seed")},
    )
