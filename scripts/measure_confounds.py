"""Measure whether properties of the recordings of a data set predict its labels (confounds)."""

import json

from soundbench.core.job_log import logged
from soundbench.evaluation.confounds import measure_confounds

with logged(snakemake.log[0]):
    measure_confounds(
        snakemake.input.measures,
        snakemake.input.clips,
        json.loads(snakemake.params.view),
        snakemake.params.seed,
        snakemake.output.table,
    )
