"""Draw one clip in all variants that a data set augments with, and write a page with their audio."""

import json
from pathlib import Path

from soundbench.core.job_log import logged
from soundbench.report.pages.variants import show_variants

with logged(snakemake.log[0]):
    show_variants(
        snakemake.input.split,
        json.loads(snakemake.params.augment),
        json.loads(snakemake.params.variants),
        {Path(table).stem: table for table in snakemake.input.tables},
        snakemake.output.page,
        snakemake.output.figure,
    )
