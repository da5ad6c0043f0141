"""Obtain a source's recordings."""

import json

from soundbench.core.job_log import logged
from soundbench.data.index import fetch_source

with logged(snakemake.log[0]):
    fetch_source(json.loads(snakemake.params.source), snakemake.output.manifest, snakemake.input.get("clips"))
