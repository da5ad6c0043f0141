# Write the tables that compare runs, and what predicts labels without being content.
# Reads: predictions, metrics and validation scores of all runs, measurements of clips.
# Writes: the tables of summary/, confounds/.


rule aggregate_scores:
    input:
        metrics=runs.of(paths.METRICS),
        predictions=runs.of(paths.PREDICTIONS),
        splits=runs.splits,
    output:
        scores="<results>/summary/scores.csv",
        leaderboard="<results>/summary/leaderboard.csv",
        spread="<results>/summary/spread.csv",
        markdown="<results>/summary/leaderboard.md",
        latex="<results>/summary/leaderboard.tex",
        beside="<results>/summary/published.csv",
    log:
        "<logs>/aggregate_scores.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        plan=runs.plan_json,
        metric=study.selected["metric"],
        references=lambda w: canonical_json(list(study.settings["references"].values())),
        code=lambda w: code_digest("aggregate_scores"),
    script:
        "../scripts/aggregate_scores.py"


rule aggregate_comparisons:
    input:
        predictions=runs.of(paths.PREDICTIONS),
        splits=runs.splits,
    output:
        comparisons="<results>/summary/comparisons.csv",
        views="<results>/summary/view_comparisons.csv",
    log:
        "<logs>/aggregate_comparisons.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        plan=runs.plan_json,
        metric=study.selected["metric"],
        margin=study.selected["equivalence_margin"],
        code=lambda w: code_digest("aggregate_comparisons"),
    script:
        "../scripts/aggregate_comparisons.py"


rule aggregate_details:
    input:
        runs.of(paths.METRICS),
    output:
        classes="<results>/summary/classes.csv",
        confusions="<results>/summary/confusions.csv",
        groups="<results>/summary/groups.csv",
    log:
        "<logs>/aggregate_details.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        code=lambda w: code_digest("aggregate_details"),
    script:
        "../scripts/aggregate_details.py"


rule aggregate_costs:
    input:
        metrics=runs.of(paths.METRICS),
        trainings=runs.of_trainings(paths.TRAINING_BENCHMARK),
        evaluations=runs.of_trained(paths.EVALUATION_BENCHMARK),
    output:
        costs="<results>/summary/costs.csv",
    log:
        "<logs>/aggregate_costs.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        plan=runs.plan_json,
        code=lambda w: code_digest("aggregate_costs"),
    script:
        "../scripts/aggregate_costs.py"


# It also counts the evaluations that evaluate_model has recorded, of this study and of others in the same folder.
rule aggregate_ledger:
    input:
        metrics=runs.of(paths.METRICS),
        trials=runs.of_tuned(paths.TRIALS),
        descriptions=runs.of_untuned(paths.DESCRIPTION),
        histories=runs.of_untuned(paths.HISTORY),
        splits=lambda w: runs.finished(expand(paths.SPLIT, dataset=runs.datasets, seed=runs.seeds)),
        measures=lambda w: expand(paths.MEASURES, source=sorted(set(map(study.source_of, runs.datasets)))),
    output:
        ledger="<results>/summary/ledger.csv",
    log:
        "<logs>/aggregate_ledger.log",
    localrule: True
    conda:
        "../envs/training.yaml"
    params:
        plan=runs.plan_json,
        records=study.resolve(paths.EVALUATED),
        code=lambda w: code_digest("aggregate_ledger"),
    script:
        "../scripts/aggregate_ledger.py"


rule measure_confounds:
    input:
        measures=data.of_source(paths.MEASURES),
        split=expand(paths.SPLIT, seed=study.selected["seeds"][0], allow_missing=True)[0],
    output:
        table=paths.CONFOUNDS,
    log:
        "<logs>/measure_confounds/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
    params:
        view=lambda w: canonical_json(study.view(w)),
        code=lambda w: code_digest("measure_confounds"),
    script:
        "../scripts/measure_confounds.py"
