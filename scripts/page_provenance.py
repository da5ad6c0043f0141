"""Write the page with the resolved configuration and the versions."""

import json

from soundbench.core.job_log import logged
from soundbench.report.pages.provenance import write_provenance_page

with logged(snakemake.log[0]):
    write_provenance_page(
        json.loads(snakemake.params.config),
        snakemake.input.scores,
        snakemake.input.metrics,
        snakemake.output[0],
    )
