"""Write the page of the leaderboard."""

import json

from soundbench.core.job_log import logged
from soundbench.report.pages.leaderboard import write_leaderboard_page

with logged(snakemake.log[0]):
    write_leaderboard_page(
        **snakemake.input,
        arguments=json.loads(snakemake.params.arguments),
        models=snakemake.params.models,
        metric=snakemake.params.metric,
        path=snakemake.output[0],
    )
