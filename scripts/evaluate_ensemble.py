"""Average the predictions of the members of an ensemble, and score them."""

from soundbench.core.job_log import logged
from soundbench.core.storage import file_sha256
from soundbench.evaluation.ensemble import RunFiles, evaluate_ensemble
from soundbench.evaluation.evaluated import record_evaluation, split_digests

with logged(snakemake.log[0]):
    evaluate_ensemble(
        [RunFiles(*files) for files in zip(snakemake.input.members, snakemake.input.records, strict=True)],
        snakemake.input.split,
        model=snakemake.wildcards.model,
        seed=int(snakemake.wildcards.seed),
        mean=snakemake.params.mean,
        outputs=RunFiles(**snakemake.output),
    )
    record_evaluation(
        snakemake.params.records,
        split_digests(snakemake.input.split, snakemake.input.measures),
        [{"mean": snakemake.params.mean, "members": sorted(map(file_sha256, snakemake.input.members))}],
        **{key: snakemake.wildcards[key] for key in ("dataset", "model", "seed")},
    )
