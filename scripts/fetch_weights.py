"""Obtain the published weights that a model starts from."""

import json

from soundbench.core.job_log import logged
from soundbench.models.download import fetch_weights

with logged(snakemake.log[0]):
    fetch_weights(snakemake.params.key, json.loads(snakemake.params.recipe), snakemake.output.manifest)
