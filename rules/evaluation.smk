# Out-of-fold predictions and scores of a run: one job for all of its folds, so that start-up is paid once.
rule evaluate_model:
    input:
        unpack(feature_files),
        split="<results>/splits/{dataset}/seed{seed}.csv",
        models=of_folds("model.safetensors"),
        descriptions=of_folds("model.json"),
    output:
        predictions="<results>/runs/{dataset}/{model}/seed{seed}/predictions.csv",
        metrics="<results>/runs/{dataset}/{model}/seed{seed}/metrics.json",
    log:
        "<logs>/evaluate_model/{dataset}/{model}/seed{seed}.log",
    benchmark:
        "<benchmarks>/evaluate_model/{dataset}/{model}/seed{seed}.tsv"
    conda:
        "../envs/training.yaml"
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 3000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        code=lambda w: code_digest("evaluate_model", family_module(w)),
    script:
        "../scripts/evaluate_model.py"


use rule evaluate_model as evaluate_large_model with:
    wildcard_constraints:
        model=one_of(large_models),


ruleorder: evaluate_large_model > evaluate_model
