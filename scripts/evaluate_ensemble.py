"""Average the predictions of the members of an ensemble, and score them."""

from soundbench.core.job_log import logged
from soundbench.evaluation.ensemble import RunFiles, evaluate_ensemble

with logged(snakemake.log[0]):
    evaluate_ensemble(
        [RunFiles(*files) for files in zip(snakemake.input.members, snakemake.input.records, strict=True)],
        snakemake.input.split,
        model=snakemake.wildcards.model,
        seed=int(snakemake.wildcards.seed),
        mean=snakemake.params.mean,
        outputs=RunFiles(**snakemake.output),
    )
