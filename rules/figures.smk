# Tables and runs to figures.
# Reads: the tables of summary/ and the runs. Writes: SVG files, each an item of the report.


rule plot_scores:
    input:
        scores=rules.aggregate_scores.output.scores,
        leaderboard=rules.aggregate_scores.output.leaderboard,
    output:
        item("scores"),
    log:
        "<logs>/plot_scores.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        models=study.selected["models"],
        metric=study.selected["metric"],
        code=code_digest("plot_scores"),
    script:
        "../scripts/plot_scores.py"


rule plot_ranks:
    input:
        leaderboard=rules.aggregate_scores.output.leaderboard,
    output:
        item("ranks"),
    log:
        "<logs>/plot_ranks.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        models=study.selected["models"],
        code=code_digest("plot_ranks"),
    script:
        "../scripts/plot_ranks.py"


rule plot_costs:
    input:
        leaderboard=rules.aggregate_scores.output.leaderboard,
        costs=rules.aggregate_costs.output.costs,
    output:
        item("costs"),
    log:
        "<logs>/plot_costs/{dataset}.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        models=study.selected["models"],
        metric=study.selected["metric"],
        code=code_digest("plot_costs"),
    script:
        "../scripts/plot_costs.py"


rule plot_training:
    input:
        runs.of(paths.HISTORY),
    output:
        item("training"),
    log:
        "<logs>/plot_training/{dataset}.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        models=study.selected["models"],
        code=code_digest("plot_training"),
    script:
        "../scripts/plot_training.py"


rule plot_confusion:
    input:
        runs.of(paths.METRICS),
    output:
        item("confusion"),
    log:
        "<logs>/plot_confusion/{dataset}.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        panels="model",
        names=study.selected["models"],
        metric=study.selected["metric"],
        code=code_digest("plot_confusion"),
    script:
        "../scripts/plot_confusion.py"


# The same of one model on every data set: what merging labels or augmenting changes, step by step.
use rule plot_confusion as plot_confusion_of_model with:
    output:
        item("steps"),
    log:
        "<logs>/plot_confusion_of_model/{model}.log",
    params:
        panels="dataset",
        names=study.selected["datasets"],
        metric=study.selected["metric"],
        code=code_digest("plot_confusion"),


rule plot_calibration:
    input:
        runs.of(paths.METRICS),
    output:
        item("calibration"),
    log:
        "<logs>/plot_calibration/{dataset}.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        models=study.selected["models"],
        code=code_digest("plot_calibration"),
    script:
        "../scripts/plot_calibration.py"


rule plot_samples:
    input:
        predictions=runs.of(paths.PREDICTIONS),
        clips=data.clip_table,
    output:
        item("samples"),
    log:
        "<logs>/plot_samples/{dataset}/{model}.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        code=code_digest("plot_samples"),
    script:
        "../scripts/plot_samples.py"
