# The pages of the report.
# Seconds each, as tables and figures, and on a cluster not worth a place in its queue.
localrules:
    aggregate_comparisons,
    aggregate_costs,
    aggregate_details,
    aggregate_robustness,
    aggregate_scores,
    aggregate_transfer,
    page_comparison,
    page_confusion,
    page_leaderboard,
    page_mistakes,
    page_predictions,
    page_provenance,
    page_transfer,
    plot_calibration,
    plot_confusion,
    plot_confusion_of_model,
    plot_costs,
    plot_ranks,
    plot_robustness,
    plot_samples,
    plot_scores,
    plot_training,


rule page_leaderboard:
    input:
        scores=rules.aggregate_scores.output.scores,
        leaderboard=rules.aggregate_scores.output.leaderboard,
        spread=rules.aggregate_scores.output.spread,
        published=rules.aggregate_scores.output.beside,
        comparisons=rules.aggregate_comparisons.output.comparisons,
        costs=rules.aggregate_costs.output.costs,
        audits=lambda w: finished(expand("<results>/audit/{dataset}.csv", dataset=selected["datasets"])),
        splits=lambda w: finished(
            expand("<results>/splits/{dataset}/seed{seed}.csv", dataset=selected["datasets"], seed=selected["seeds"])
        ),
    output:
        report(
            "<results>/summary/leaderboard.html",
            caption="../config/report/leaderboard.rst",
            category="1 Start here",
            labels={"figure": "leaderboard", "data set": "all", "model": "all"},
        ),
    log:
        "<logs>/page_leaderboard.log",
    conda:
        "../envs/reporting.yaml"
    params:
        arguments=lambda w: study_arguments_json,  # a function, so that {x} in it is no wildcard
        models=selected["models"],
        metric=selected["metric"],
        code=code_digest("page_leaderboard"),
    script:
        "../scripts/page_leaderboard.py"


rule page_comparison:
    input:
        leaderboard=rules.aggregate_scores.output.leaderboard,
        comparisons=rules.aggregate_comparisons.output.comparisons,
        classes=rules.aggregate_details.output.classes,
        groups=rules.aggregate_details.output.groups,
    output:
        report(
            "<results>/summary/comparison.html",
            caption="../config/report/comparison.rst",
            category="2 Compare",
            labels={"figure": "models, pairs, classes", "data set": "all", "model": "all"},
        ),
    log:
        "<logs>/page_comparison.log",
    conda:
        "../envs/reporting.yaml"
    params:
        models=selected["models"],
        metric=selected["metric"],
        code=code_digest("page_comparison"),
    script:
        "../scripts/page_comparison.py"


rule page_provenance:
    input:
        scores=rules.aggregate_scores.output.scores,
        metrics=of_runs(METRICS),
    output:
        report(
            "<results>/summary/provenance.html",
            caption="../config/report/provenance.rst",
            category="5 Provenance",
            labels={"figure": "configuration and versions", "data set": "all", "model": "all"},
        ),
    log:
        "<logs>/page_provenance.log",
    conda:
        "../envs/reporting.yaml"
    params:
        config=lambda w: canonical_json(used_configuration(settings)),  # a function, so that {x} in it is no wildcard
        code=code_digest("page_provenance"),
    script:
        "../scripts/page_provenance.py"
