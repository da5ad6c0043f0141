"""Obtain a source's recordings."""

import json

from soundbench.datasets import fetch_source
from soundbench.joblog import logged

with logged(snakemake.log[0]):
    fetch_source(json.loads(snakemake.params.source), snakemake.output.manifest)
