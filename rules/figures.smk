# Figures that compare the runs.
rule plot_scores:
    input:
        scores=rules.aggregate_scores.output.scores,
        leaderboard=rules.aggregate_scores.output.leaderboard,
    output:
        report(
            "<results>/summary/scores.svg",
            caption="../config/report/scores.rst",
            category="2 Compare",
            labels={"figure": "scores", "data set": "all", "model": "all"},
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


rule plot_ranks:
    input:
        leaderboard=rules.aggregate_scores.output.leaderboard,
    output:
        report(
            "<results>/summary/ranks.svg",
            caption="../config/report/ranks.rst",
            category="2 Compare",
            labels={"figure": "ranks over data sets", "data set": "all", "model": "all"},
        ),
    log:
        "<logs>/plot_ranks.log",
    conda:
        "../envs/reporting.yaml"
    params:
        models=selected["models"],
        code=code_digest("plot_ranks"),
    script:
        "../scripts/plot_ranks.py"


rule plot_costs:
    input:
        leaderboard=rules.aggregate_scores.output.leaderboard,
        costs=rules.aggregate_costs.output.costs,
    output:
        report(
            "<results>/summary/{dataset}/costs.svg",
            caption="../config/report/costs.rst",
            category="2 Compare",
            labels={"figure": "score against cost", "data set": "{dataset}", "model": "all"},
        ),
    log:
        "<logs>/plot_costs/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        models=selected["models"],
        metric=selected["metric"],
        code=code_digest("plot_costs"),
    script:
        "../scripts/plot_costs.py"


rule plot_training:
    input:
        of_runs(HISTORY),
    output:
        report(
            "<results>/summary/{dataset}/training.svg",
            caption="../config/report/training.rst",
            category="2 Compare",
            labels={"figure": "learning curves", "data set": "{dataset}", "model": "all"},
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
