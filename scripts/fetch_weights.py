"""Obtain the published weights that a model starts from."""

import json

from soundbench.joblog import logged
from soundbench.published import fetch_weights

with logged(snakemake.log[0]):
    fetch_weights(snakemake.params.wanted, json.loads(snakemake.params.recipe), snakemake.output.manifest)
