"""Write the audit of a data set's clips: its findings and its page."""

import json

from soundbench.core.job_log import logged
from soundbench.report.pages.audit import audit_clips

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
