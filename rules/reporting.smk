# Tables, figures and pages that compare the runs.
METRICS = "<results>/runs/{dataset}/{model}/seed{seed}/metrics.json"


# Seconds each, and on a cluster not worth a place in its queue.
localrules:
    aggregate_scores,
    page_leaderboard,
    page_provenance,
    plot_confusion,
    plot_scores,
    plot_training,


rule aggregate_scores:
    input:
        metrics=of_runs(METRICS),
        predictions=of_runs("<results>/runs/{dataset}/{model}/seed{seed}/predictions.csv"),
        splits=expand(
            "<results>/splits/{dataset}/seed{seed}.csv",
            dataset=selected["datasets"],
            seed=selected["seeds"][0],
        ),
    output:
        scores="<results>/summary/scores.csv",
        leaderboard="<results>/summary/leaderboard.csv",
    log:
        "<logs>/aggregate_scores.log",
    conda:
        "../envs/reporting.yaml"
    params:
        datasets=selected["datasets"],
        metric=selected["metric"],
        code=code_digest("aggregate_scores"),
    script:
        "../scripts/aggregate_scores.py"


rule page_leaderboard:
    input:
        **rules.aggregate_scores.output,
    output:
        report(
            "<results>/summary/leaderboard.html",
            caption="../config/report/leaderboard.rst",
            category="1 Leaderboard",
            labels={"page": "leaderboard"},
        ),
    log:
        "<logs>/page_leaderboard.log",
    conda:
        "../envs/reporting.yaml"
    params:
        metric=selected["metric"],
        code=code_digest("page_leaderboard"),
    script:
        "../scripts/page_leaderboard.py"


rule plot_scores:
    input:
        **rules.aggregate_scores.output,
    output:
        report(
            "<results>/summary/scores.svg",
            caption="../config/report/scores.rst",
            category="2 Figures",
            labels={"figure": "scores", "data set": "all"},
        ),
    log:
        "<logs>/plot_scores.log",
    conda:
        "../envs/reporting.yaml"
    params:
        models=selected["models"],
        metric=selected["metric"],
        code=code_digest("plot_scores"),
    script:
        "../scripts/plot_scores.py"


rule plot_confusion:
    input:
        of_runs(METRICS),
    output:
        report(
            "<results>/summary/{dataset}/confusion.svg",
            caption="../config/report/confusion.rst",
            category="2 Figures",
            labels={"figure": "confusion matrices", "data set": "{dataset}"},
        ),
    log:
        "<logs>/plot_confusion/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        models=selected["models"],
        code=code_digest("plot_confusion"),
    script:
        "../scripts/plot_confusion.py"


rule plot_training:
    input:
        histories,
    output:
        report(
            "<results>/summary/{dataset}/training.svg",
            caption="../config/report/training.rst",
            category="2 Figures",
            labels={"figure": "training curves", "data set": "{dataset}"},
        ),
    log:
        "<logs>/plot_training/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        models=selected["models"],
        code=code_digest("plot_training"),
    script:
        "../scripts/plot_training.py"


rule page_provenance:
    input:
        scores=rules.aggregate_scores.output.scores,
    output:
        report(
            "<results>/summary/provenance.html",
            caption="../config/report/provenance.rst",
            category="3 Provenance",
            labels={"page": "configuration and versions"},
        ),
    log:
        "<logs>/page_provenance.log",
    conda:
        "../envs/reporting.yaml"
    params:
        config=canonical_json(settings),
        code=code_digest("page_provenance"),
    script:
        "../scripts/page_provenance.py"
