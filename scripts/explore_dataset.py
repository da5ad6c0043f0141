"""Draw the clips of a data set, and write a page with their audio."""

import json

from soundbench.core.job_log import logged
from soundbench.report.pages.explore import explore_dataset

with logged(snakemake.log[0]):
    explore_dataset(
        snakemake.input.clips,
        snakemake.wildcards.dataset,
        json.loads(snakemake.params.view),
        **dict(snakemake.output.items()),
    )
