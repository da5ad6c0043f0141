"""The run, the inputs and the execution of a training job, from the object ``snakemake`` of its script."""

from __future__ import annotations

import json
from typing import Any

from soundbench.features.files import FeatureFiles
from soundbench.training.inputs import Inputs
from soundbench.training.run import Execution, Run

Job = Any  # Snakemake's object, whose attributes depend on the rule


def job_run(job: Job, fold: int, model: str, recipe: str) -> Run:
    """One fold of the run of a model, or of one of its trials, with its recipe as JSON."""
    return Run(
        dataset=job.wildcards.dataset,
        model=model,
        seed=int(job.wildcards.seed),
        fold=fold,
        protocol=job.params.protocol,
        recipe=json.loads(recipe),
        front_end=json.loads(job.params.front_end),
        augment=json.loads(job.params.augment),
        code=job.params.code,
        source=job.params.source,
        task=job.params.task,
        options=json.loads(job.params.options),
    )


def job_inputs(job: Job) -> Inputs:
    """The files that the job reads."""
    copies = map(FeatureFiles, job.input.variants, job.input.variant_indexes)
    return Inputs(
        features=FeatureFiles(job.input.features, job.input.index),
        split=job.input.split,
        measures=job.input.measures,
        variants=dict(zip(job.params.variants, copies, strict=True)),
        weights=list(job.input.weights),
        embedding=list(job.input.embedding),
        overlaps=list(job.input.overlaps),
    )


def job_execution(job: Job) -> Execution:
    """How the job trains."""
    return Execution(job.threads, job.resources.checkpoint_seconds, job.resources.device)
