# Write the tables that compare runs.
# Reads: predictions, metrics and validation scores of all runs, measurements of clips, lists of what models have seen.
# Writes: the tables of summary/.


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
        environment("reporting")
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
        environment("reporting")
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
        environment("reporting")
    params:
        code=lambda w: code_digest("aggregate_details"),
    script:
        "../scripts/aggregate_details.py"


rule aggregate_costs:
    input:
        metrics=runs.of(paths.METRICS),
    output:
        costs="<results>/summary/costs.csv",
    log:
        "<logs>/aggregate_costs.log",
    localrule: True
    conda:
        environment("reporting")
    params:
        plan=runs.plan_json,
        code=lambda w: code_digest("aggregate_costs"),
    script:
        "../scripts/aggregate_costs.py"


# It also counts the evaluations of test clips that are recorded, of this study and of others in the same folder.
rule aggregate_ledger:
    input:
        metrics=runs.of(paths.METRICS),
        trials=runs.of_tuned(paths.TRIALS),
        descriptions=runs.of_untuned(paths.DESCRIPTION),
        histories=runs.of_untuned(paths.HISTORY),
        robustness=lambda w: robustness.of_runs(paths.PERTURBED_PREDICTIONS)(w) if robustness.evaluated() else [],
        transfers=transfers.of_entries(paths.TRANSFER_PREDICTIONS),
        splits=lambda w: runs.finished(expand(paths.SPLIT, dataset=runs.datasets, seed=runs.seeds)),
        measures=lambda w: expand(paths.MEASURES, source=sorted(set(map(study.source_of, runs.datasets)))),
    output:
        ledger="<results>/summary/ledger.csv",
    log:
        "<logs>/aggregate_ledger.log",
    localrule: True
    conda:
        environment("training")
    params:
        plan=runs.plan_json,
        records=study.resolve(paths.EVALUATED),
        code=lambda w: code_digest("aggregate_ledger"),
    script:
        "../scripts/aggregate_ledger.py"


rule aggregate_contamination:
    input:
        predictions=runs.of_listed(paths.PREDICTIONS),
        splits=runs.splits,
        measures=lambda w: expand(paths.MEASURES, source=sorted(set(map(study.source_of, runs.datasets)))),
        lists=lambda w: sorted({file for files in runs.contamination.values() for file in files}),
    output:
        table="<results>/summary/contamination.csv",
    log:
        "<logs>/aggregate_contamination.log",
    localrule: True
    conda:
        environment("reporting")
    params:
        plan=runs.plan_json,
        lists=lambda w: canonical_json(runs.contamination, sort_keys=False),
        metric=study.selected["metric"],
        code=lambda w: code_digest("aggregate_contamination"),
    script:
        "../scripts/aggregate_contamination.py"
