"""Write what is wrong with the clips of a data set."""

import json

from soundbench.audit import audit_clips
from soundbench.joblog import logged

with logged(snakemake.log[0]):
    audit_clips(
        snakemake.input.measures,
        snakemake.input.landmarks,
        snakemake.input.notes,
        snakemake.wildcards.dataset,
        json.loads(snakemake.params.view),
        snakemake.output.findings,
        snakemake.output.page,
    )
