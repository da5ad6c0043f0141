"""Write the leaderboard page."""

from soundbench.joblog import logged
from soundbench.pages import write_leaderboard_page

with logged(snakemake.log[0]):
    write_leaderboard_page(
        snakemake.input.scores, snakemake.input.leaderboard, snakemake.params.metric, snakemake.output[0]
    )
