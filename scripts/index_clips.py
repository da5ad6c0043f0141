"""Write the clip table of a source."""

import json

from soundbench.datasets import index_clips
from soundbench.joblog import logged

with logged(snakemake.log[0]):
    index_clips(json.loads(snakemake.params.source), snakemake.params.root, snakemake.output.clips)
