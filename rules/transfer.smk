# Trained models on other data sets: the target `transfer`, part of `all` where there are entries.
wildcard_constraints:
    transfer=one_of(moves),


rule transfer:
    input:
        transfer_page,


rule evaluate_transfer:
    input:
        models=moved_models("model.safetensors"),
        descriptions=moved_models("model.json"),
        splits=lambda w: expand("<results>/splits/{dataset}/seed{seed}.csv", **moved_runs(w)),
        trained_on=moved_models("trained_on.txt"),
        clips=lambda w: clips_of(move(w)["to"]),
        measures=lambda w: f"<results>/measures/{sources_of(w)[1]}.csv",
        overlaps=moved_overlaps,
        tested=tested_splits,
    output:
        predictions="<results>/transfer/{transfer}/predictions.csv",
        scores="<results>/transfer/{transfer}/scores.csv",
    log:
        "<logs>/evaluate_transfer/{transfer}.log",
    conda:
        "../envs/training.yaml"
    threads: 4
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        to=lambda w: move(w)["to"],
        shared=lambda w: len(set(sources_of(w))) == 1,
        view=lambda w: entry_json("datasets", move(w)["to"], "audit"),
        code=lambda w: code_digest(
            "evaluate_transfer", f"soundbench.models.{settings['models'][move(w)['from']['model']]['family']}"
        ),
    script:
        "../scripts/evaluate_transfer.py"


use rule evaluate_transfer as evaluate_large_transfer with:
    wildcard_constraints:
        transfer=one_of(large_moves),


ruleorder: evaluate_large_transfer > evaluate_transfer


rule aggregate_transfer:
    input:
        predictions=of_moves("<results>/transfer/{transfer}/predictions.csv"),
        scores=of_moves("<results>/transfer/{transfer}/scores.csv"),
        home=moved_from(PREDICTIONS, selected["seeds"]),
        splits=moved_from("<results>/splits/{dataset}/seed{seed}.csv", selected["seeds"][:1]),
    output:
        table="<results>/summary/transfer.csv",
    log:
        "<logs>/aggregate_transfer.log",
    conda:
        "../envs/reporting.yaml"
    params:
        entries=lambda w: canonical_json(shown_moves(), sort_keys=False),  # the table keeps their order
        code=code_digest("aggregate_transfer"),
    script:
        "../scripts/aggregate_transfer.py"


rule page_transfer:
    input:
        table=rules.aggregate_transfer.output.table,
    output:
        report(
            "<results>/summary/transfer.html",
            caption="../config/report/transfer.rst",
            category="2 Compare",
            labels={"figure": "on other data sets", "data set": "all", "model": "all"},
        ),
    log:
        "<logs>/page_transfer.log",
    conda:
        "../envs/reporting.yaml"
    params:
        metric=selected["metric"],
        code=code_digest("page_transfer"),
    script:
        "../scripts/page_transfer.py"
