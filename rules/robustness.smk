# Scores of test clips that were changed: the target `robustness`, part of `all` where levels are configured.


rule robustness:
    input:
        robustness_figures,


rule alter_features:
    input:
        clips=clip_table,
        splits=expand("<results>/splits/{dataset}/seed{seed}.csv", seed=selected["seeds"], allow_missing=True),
    output:
        features=temp("<results>/robustness/{dataset}/{features}.npy"),
        index=temp("<results>/robustness/{dataset}/{features}.csv"),
    log:
        "<logs>/alter_features/{dataset}/{features}.log",
    conda:
        "../envs/training.yaml"
    threads: 4
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 120 * attempt,
    params:
        settings=lambda w: entry_json("features", w.features),
        levels=canonical_json(changes),
        code=code_digest("alter_features"),
    script:
        "../scripts/alter_features.py"


rule evaluate_robustness:
    input:
        features=lambda w: f"<results>/robustness/{{dataset}}/{recipe(w)['features']}.npy",
        index=lambda w: f"<results>/robustness/{{dataset}}/{recipe(w)['features']}.csv",
        split="<results>/splits/{dataset}/seed{seed}.csv",
        models=of_folds("model.safetensors"),
        descriptions=of_folds("model.json"),
    output:
        predictions="<results>/robustness/{dataset}/{model}/seed{seed}.csv",
    log:
        "<logs>/evaluate_robustness/{dataset}/{model}/seed{seed}.log",
    conda:
        "../envs/training.yaml"
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        code=lambda w: code_digest("evaluate_robustness", family_module(w)),
    script:
        "../scripts/evaluate_robustness.py"


use rule evaluate_robustness as evaluate_large_robustness with:
    wildcard_constraints:
        model=one_of(large_models),


ruleorder: evaluate_large_robustness > evaluate_robustness


rule aggregate_robustness:
    input:
        altered=robust_runs("<results>/robustness/{dataset}/{model}/seed{seed}.csv"),
        predictions=robust_runs(PREDICTIONS),
        splits=expand(
            "<results>/splits/{dataset}/seed{seed}.csv", dataset=robust["datasets"], seed=selected["seeds"][0]
        ),
    output:
        table="<results>/summary/robustness.csv",
    log:
        "<logs>/aggregate_robustness.log",
    conda:
        "../envs/reporting.yaml"
    params:
        protocols={name: settings["datasets"][name]["split"]["protocol"] for name in robust["datasets"]},
        code=code_digest("aggregate_robustness"),
    script:
        "../scripts/aggregate_robustness.py"


rule plot_robustness:
    input:
        table=rules.aggregate_robustness.output.table,
    output:
        report(
            "<results>/summary/{dataset}/robustness.svg",
            caption="../config/report/robustness.rst",
            category="2 Compare",
            labels={"figure": "robustness", "data set": "{dataset}", "model": "all"},
        ),
    log:
        "<logs>/plot_robustness/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        models=selected["models"],
        metric=selected["metric"],
        code=code_digest("plot_robustness"),
    script:
        "../scripts/plot_robustness.py"
