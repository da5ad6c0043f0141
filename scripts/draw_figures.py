"""Draw the figures of a study."""

import json

from soundbench.core.job_log import logged
from soundbench.report.figures.draw import draw_figures
from soundbench.report.results import Results

with logged(snakemake.log[0]):
    results = Results.of_job(dict(snakemake.input.items()), json.loads(snakemake.params.study))
    draw_figures(results, snakemake.output[0])
