# Predict test clips with trained models, and score the out-of-fold predictions.
# Reads: the models of all folds of a run, features and splits. Writes: predictions.csv, metrics.json and explanations.npz of the run.
# Ensembles are evaluated from the predictions of their members.
# Every evaluation is recorded in evaluated/, as those of robustness and transfer are, which is no output, because Snakemake would remove it before each attempt.


rule evaluate_model:
    input:
        unpack(features.of_model),
        split=paths.SPLIT,
        measures=data.of_source(paths.MEASURES),
        models=training.of_folds(paths.MODEL),
        descriptions=training.of_folds(paths.DESCRIPTION),
    output:
        predictions=paths.PREDICTIONS,
        metrics=paths.METRICS,
        explanations=paths.EXPLANATIONS,
    log:
        "<logs>/evaluate_model/{dataset}/{model}/seed{seed}.log",
    wildcard_constraints:
        model=one_of(settings["models"]),
    conda:
        environment("training")
    # Folds are predicted side by side, unless starting the job takes longer than that.
    threads: lambda w: 1 if w.model in study.small_models else 2
    resources:
        mem_mb=by_clips(3000, 50, "measures"),
        runtime=by_clips(30, 5, "measures"),
    params:
        records=study.resolve(paths.EVALUATED),
        code=lambda w: code_digest("evaluate_model", training.family_module(w)),
    script:
        "../scripts/evaluate_model.py"


use rule evaluate_model as evaluate_large_model with:
    wildcard_constraints:
        model=one_of(study.large_models),
    threads: 1  # two of these models may not fit into the memory


ruleorder: evaluate_large_model > evaluate_model


rule evaluate_ensemble:
    input:
        members=ensembles.of_members(paths.PREDICTIONS),
        records=ensembles.of_members(paths.METRICS),
        split=paths.SPLIT,
        measures=data.of_source(paths.MEASURES),
    output:
        predictions=paths.PREDICTIONS,
        metrics=paths.METRICS,
    log:
        "<logs>/evaluate_ensemble/{dataset}/{model}/seed{seed}.log",
    wildcard_constraints:
        model=one_of(settings["ensembles"]),
    conda:
        environment("training")
    params:
        mean=ensembles.mean,
        records=study.resolve(paths.EVALUATED),
        code=lambda w: code_digest("evaluate_ensemble"),
    script:
        "../scripts/evaluate_ensemble.py"
