# Score perturbed test clips: `snakemake robustness`, which is part of `all` if levels are configured.
# Reads: recordings, splits and models. Writes: predictions of perturbed clips, and a table.


rule robustness:
    input:
        lambda w: fill(paths.TABLE, table="robustness") if robustness.evaluated() else [],


rule perturb_features:
    input:
        clips=data.clip_table,
        splits=expand(paths.SPLIT, seed=study.selected["seeds"], allow_missing=True),
    output:
        features=temp(paths.PERTURBED_FEATURES),
        index=temp(paths.PERTURBED_INDEX),
    log:
        "<logs>/perturb_features/{dataset}/{features}.log",
    conda:
        environment("training")
    threads: 4
    resources:
        mem_mb=by_clips(3000, 50),
        runtime=by_clips(120, 30),
    params:
        settings=lambda w: study.entry_json("features", w.features),
        levels=canonical_json(robustness.perturbations),
        code=lambda w: code_digest("perturb_features", *robustness.modules(w)),
    script:
        "../scripts/perturb_features.py"


rule evaluate_robustness:
    input:
        features=robustness.features(paths.PERTURBED_FEATURES),
        index=robustness.features(paths.PERTURBED_INDEX),
        split=paths.SPLIT,
        measures=data.of_source(paths.MEASURES),
        models=training.of_folds(paths.MODEL),
        descriptions=training.of_folds(paths.DESCRIPTION),
    output:
        predictions=paths.PERTURBED_PREDICTIONS,
    log:
        "<logs>/evaluate_robustness/{dataset}/{model}/seed{seed}.log",
    conda:
        environment("training")
    resources:
        mem_mb=by_clips(3000, 50, "measures"),
        runtime=by_clips(60, 10, "measures"),
    params:
        records=study.resolve(paths.EVALUATED),
        levels=canonical_json(robustness.perturbations),
        code=lambda w: code_digest("evaluate_robustness", training.family_module(w)),
    script:
        "../scripts/evaluate_robustness.py"


use rule evaluate_robustness as evaluate_large_robustness with:
    wildcard_constraints:
        model=one_of(study.large_models),


ruleorder: evaluate_large_robustness > evaluate_robustness


rule aggregate_robustness:
    input:
        altered=robustness.of_runs(paths.PERTURBED_PREDICTIONS),
        predictions=robustness.of_runs(paths.PREDICTIONS),
        splits=expand(paths.SPLIT, dataset=robustness.datasets, seed=study.selected["seeds"][0]),
    output:
        table="<results>/summary/robustness.csv",
    log:
        "<logs>/aggregate_robustness.log",
    localrule: True
    conda:
        environment("reporting")
    params:
        views=robustness.views,
        code=lambda w: code_digest("aggregate_robustness"),
    script:
        "../scripts/aggregate_robustness.py"
