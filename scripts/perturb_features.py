"""Compute the features of a data set's test clips at every level of every perturbation."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.robustness import perturb_features

with logged(snakemake.log[0]):
    perturb_features(
        snakemake.input.clips,
        snakemake.input.splits,
        json.loads(snakemake.params.settings),
        json.loads(snakemake.params.levels),
        features=snakemake.output.features,
        index=snakemake.output.index,
        threads=snakemake.threads,
    )
