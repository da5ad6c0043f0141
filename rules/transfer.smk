# Test trained models on other data sets: `snakemake transfer`, which is part of `all` if there are entries.
# Reads: models, and clips of other data sets. Writes: predictions and scores.


wildcard_constraints:
    transfer=one_of(transfers.entries),


rule transfer:
    input:
        lambda w: fill(paths.TABLE, table="transfer") if transfers.shown() else [],


rule evaluate_transfer:
    input:
        models=transfers.of_models(paths.MODEL),
        descriptions=transfers.of_models(paths.DESCRIPTION),
        splits=transfers.of_models(paths.SPLIT),
        trained_on=transfers.of_models(paths.TRAINED_ON),
        clips=transfers.of_tested(paths.CLIPS),
        measures=transfers.of_tested(paths.MEASURES),
        overlaps=transfers.overlaps,
        tested=transfers.tested_splits,
    output:
        predictions=paths.TRANSFER_PREDICTIONS,
        scores=paths.TRANSFER_SCORES,
    log:
        "<logs>/evaluate_transfer/{transfer}.log",
    conda:
        environment("training")
    threads: 4
    resources:
        mem_mb=by_clips(3000, 50, "measures"),
        runtime=by_clips(60, 10, "measures"),
    params:
        to=lambda w: transfers.entry(w)["to"],
        shared=lambda w: len(set(transfers.sources(w))) == 1,
        view=lambda w: study.entry_json("datasets", transfers.entry(w)["to"], "audit"),
        records=study.resolve(paths.EVALUATED),
        code=lambda w: code_digest("evaluate_transfer", *transfers.model_modules(w)),
    script:
        "../scripts/evaluate_transfer.py"


use rule evaluate_transfer as evaluate_large_transfer with:
    wildcard_constraints:
        transfer=one_of(transfers.large),


ruleorder: evaluate_large_transfer > evaluate_transfer


rule aggregate_transfer:
    input:
        predictions=transfers.of_entries(paths.TRANSFER_PREDICTIONS),
        scores=transfers.of_entries(paths.TRANSFER_SCORES),
        home=transfers.of_runs(paths.PREDICTIONS, runs.seeds),
        splits=transfers.of_runs(paths.SPLIT, runs.seeds[:1]),
    output:
        table="<results>/summary/transfer.csv",
    log:
        "<logs>/aggregate_transfer.log",
    localrule: True
    conda:
        environment("reporting")
    params:
        entries=lambda w: canonical_json(transfers.shown(), sort_keys=False),  # the table keeps their order
        views=transfers.views,
        code=lambda w: code_digest("aggregate_transfer"),
    script:
        "../scripts/aggregate_transfer.py"
