"""Write the split table of a data set for one seed."""

import json

from soundbench.core.job_log import logged
from soundbench.data.splits import split_clips

with logged(snakemake.log[0]):
    split_clips(
        snakemake.input.clips,
        snakemake.input.audit,
        snakemake.wildcards.dataset,
        json.loads(snakemake.params.view),
        int(snakemake.wildcards.seed),
        snakemake.output.split,
        snakemake.input.noise,
    )
