"""Write the clips of a data set that are copies of clips of a source."""

import json

from soundbench.core.job_log import logged
from soundbench.data.overlap import overlap_with_source

with logged(snakemake.log[0]):
    overlap_with_source(
        snakemake.input.measures,
        snakemake.input.landmarks,
        json.loads(snakemake.params.view),
        snakemake.input.other_measures,
        snakemake.input.other_landmarks,
        snakemake.output[0],
    )
