"""Write the report's page, the text before it, and the configuration that makes the study again."""

import json

from soundbench.core.job_log import logged
from soundbench.report.page import write_report
from soundbench.report.results import Results

with logged(snakemake.log[0]):
    files = dict(snakemake.input.items())
    study = json.loads(snakemake.params.study)
    facts = json.loads(snakemake.params.facts)
    write_report(Results.of_job(files, study, facts), **dict(snakemake.output.items()))
