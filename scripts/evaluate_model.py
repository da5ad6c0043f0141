"""Predict the test clips of every fold of a run, score the predictions, and explain some of them."""

from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.evaluation.evaluated import model_settings, record_evaluation, split_digests
from soundbench.evaluation.folds import Outputs, evaluate_model
from soundbench.features.files import FeatureFiles

with logged(snakemake.log[0]):
    folders = [str(Path(model).parent) for model in snakemake.input.models]
    evaluate_model(
        folders,
        FeatureFiles(snakemake.input.features, snakemake.input.index),
        snakemake.input.split,
        snakemake.threads,
        Outputs(**snakemake.output),
    )
    record_evaluation(
        snakemake.params.records,
        split_digests(snakemake.input.split, snakemake.input.measures),
        model_settings(folders),
        **{key: snakemake.wildcards[key] for key in ("dataset", "model", "seed")},
    )
