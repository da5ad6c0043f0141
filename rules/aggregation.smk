# From the runs' records to tables that compare them.
TRAINED = "<benchmarks>/train_model/{dataset}/{model}/seed{seed}/fold{fold}.tsv"
EVALUATED = "<benchmarks>/evaluate_model/{dataset}/{model}/seed{seed}.tsv"


rule aggregate_scores:
    input:
        metrics=of_runs(METRICS),
        predictions=of_runs(PREDICTIONS),
        splits=of_splits,
    output:
        scores="<results>/summary/scores.csv",
        leaderboard="<results>/summary/leaderboard.csv",
        spread="<results>/summary/spread.csv",
        markdown="<results>/summary/leaderboard.md",
        latex="<results>/summary/leaderboard.tex",
        beside="<results>/summary/published.csv",
    log:
        "<logs>/aggregate_scores.log",
    conda:
        "../envs/reporting.yaml"
    params:
        plan=plan_json,
        metric=selected["metric"],
        references=lambda w: references_json,
        code=code_digest("aggregate_scores"),
    script:
        "../scripts/aggregate_scores.py"


rule aggregate_comparisons:
    input:
        scores=rules.aggregate_scores.output.scores,
        predictions=of_runs(PREDICTIONS),
        splits=of_splits,
    output:
        comparisons="<results>/summary/comparisons.csv",
    log:
        "<logs>/aggregate_comparisons.log",
    conda:
        "../envs/reporting.yaml"
    params:
        plan=plan_json,
        metric=selected["metric"],
        code=code_digest("aggregate_comparisons"),
    script:
        "../scripts/aggregate_comparisons.py"


rule aggregate_details:
    input:
        of_runs(METRICS),
    output:
        classes="<results>/summary/classes.csv",
        confusions="<results>/summary/confusions.csv",
        groups="<results>/summary/groups.csv",
    log:
        "<logs>/aggregate_details.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code_digest("aggregate_details"),
    script:
        "../scripts/aggregate_details.py"


rule aggregate_costs:
    input:
        metrics=of_runs(METRICS),
        benchmarks=of_runs([TRAINED, EVALUATED]),
    output:
        costs="<results>/summary/costs.csv",
    log:
        "<logs>/aggregate_costs.log",
    conda:
        "../envs/reporting.yaml"
    params:
        plan=plan_json,
        code=code_digest("aggregate_costs"),
    script:
        "../scripts/aggregate_costs.py"
