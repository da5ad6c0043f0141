# Compare rules that choose an epoch, among them the choice on the test clips (benchmark.every_epoch).
# Reads: the weights after every epoch. Writes: epochs.csv of each fold and of summary/, which only figures and pages read.
# No rule that trains, tunes or chooses may have these files among its inputs; a test checks this.


rule evaluate_epochs:
    input:
        unpack(features.of_model),
        split=paths.SPLIT,
        model=paths.MODEL,
        description=paths.DESCRIPTION,
        history=paths.HISTORY,
        epochs=paths.EPOCH_WEIGHTS,
    output:
        table=paths.EPOCH_SCORES,
    log:
        "<logs>/evaluate_epochs/{dataset}/{model}/seed{seed}/fold{fold}.log",
    wildcard_constraints:
        model=one_of(runs.networks),
    conda:
        environment("training")
    threads: 1
    resources:
        mem_mb=by_clips(3000, 50, "index"),
        runtime=training.epochs_runtime,
    params:
        code=lambda w: code_digest("evaluate_epochs", training.family_module(w)),
    script:
        "../scripts/evaluate_epochs.py"


use rule evaluate_epochs as evaluate_large_epochs with:
    wildcard_constraints:
        model=one_of(study.large_models),


ruleorder: evaluate_large_epochs > evaluate_epochs


rule aggregate_epochs:
    input:
        tables=runs.of_networks(paths.EPOCH_SCORES),
    output:
        table="<results>/summary/epochs.csv",
    log:
        "<logs>/aggregate_epochs.log",
    localrule: True
    conda:
        environment("reporting")
    params:
        plan=runs.plan_json,
        metric=study.selected["metric"],
        code=lambda w: code_digest("aggregate_epochs"),
    script:
        "../scripts/aggregate_epochs.py"
