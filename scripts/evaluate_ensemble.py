"""Average the predictions of the members of an ensemble, and score them."""

from soundbench.core.job_log import logged
from soundbench.evaluation.ensemble import evaluate_ensemble

with logged(snakemake.log[0]):
    evaluate_ensemble(
        snakemake.input.members,
        records=snakemake.input.records,
        split=snakemake.input.split,
        model=snakemake.wildcards.model,
        seed=int(snakemake.wildcards.seed),
        mean=snakemake.params.mean,
        predictions=snakemake.output.predictions,
        metrics=snakemake.output.metrics,
    )
