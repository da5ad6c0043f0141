"""Write the clips of a data set that are copies of the recordings for noise of a variant."""

import json

from soundbench.core.job_log import logged
from soundbench.data.overlap import overlap_with_noise

with logged(snakemake.log[0]):
    overlap_with_noise(
        snakemake.input.measures,
        snakemake.input.landmarks,
        json.loads(snakemake.params.view),
        snakemake.input.recordings,
        snakemake.threads,
        snakemake.output[0],
    )
