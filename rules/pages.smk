# Tables and runs to pages.
# Reads: the tables of summary/ and the runs. Writes: HTML files, each an item of the report.


rule page_leaderboard:
    input:
        scores=rules.aggregate_scores.output.scores,
        leaderboard=rules.aggregate_scores.output.leaderboard,
        spread=rules.aggregate_scores.output.spread,
        published=rules.aggregate_scores.output.beside,
        comparisons=rules.aggregate_comparisons.output.comparisons,
        costs=rules.aggregate_costs.output.costs,
        audits=lambda w: runs.finished(expand(paths.AUDIT, dataset=study.selected["datasets"])),
        splits=lambda w: runs.finished(
            expand(paths.SPLIT, dataset=study.selected["datasets"], seed=study.selected["seeds"])
        ),
    output:
        item("leaderboard"),
    log:
        "<logs>/page_leaderboard.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        arguments=lambda w: study_arguments_json,  # a function, so that {x} in it is no wildcard
        models=study.selected["models"],
        metric=study.selected["metric"],
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
        item("comparison"),
    log:
        "<logs>/page_comparison.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        models=study.selected["models"],
        metric=study.selected["metric"],
        code=code_digest("page_comparison"),
    script:
        "../scripts/page_comparison.py"


rule page_provenance:
    input:
        scores=rules.aggregate_scores.output.scores,
        metrics=runs.of(paths.METRICS),
    output:
        item("provenance"),
    log:
        "<logs>/page_provenance.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        config=lambda w: canonical_json(used_configuration(study.settings)),  # a function, so that {x} in it is no wildcard
        code=code_digest("page_provenance"),
    script:
        "../scripts/page_provenance.py"


rule page_confusion:
    input:
        runs.of(paths.METRICS),
    output:
        item("matrices"),
    log:
        "<logs>/page_confusion/{dataset}.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        models=study.selected["models"],
        code=code_digest("page_confusion"),
    script:
        "../scripts/page_confusion.py"


rule page_mistakes:
    input:
        metrics=runs.of(paths.METRICS),
        predictions=runs.of(paths.PREDICTIONS),
        clips=data.clip_table,
    output:
        item("mistakes"),
    log:
        "<logs>/page_mistakes/{dataset}/{model}.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        code=code_digest("page_mistakes"),
    script:
        "../scripts/page_mistakes.py"
