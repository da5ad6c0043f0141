# Draw figures of tables and runs.
# Reads: the tables of summary/ and the runs. Writes: a folder of SVG files, each an item of the report.


rule draw_figures:
    input:
        tables=report_items.tables,
        metrics=runs.of(paths.METRICS),
        predictions=runs.of(paths.PREDICTIONS),
        explanations=runs.of_trained(paths.EXPLANATIONS),
        histories=runs.of_trained(paths.HISTORY),
        clips=report_items.clip_tables,
        splits=report_items.curve_splits,
    output:
        report(
            directory(paths.FIGURES),
            patterns=REPORTED_FIGURES,
            caption="../config/report/figure.rst",
            category=FIGURES_OF_STUDY,
            labels=figure_labels,
        ),
    log:
        "<logs>/draw_figures.log",
    localrule: True
    conda:
        environment("reporting")
    params:
        study=report_items.study_json,
        captions=lambda w: {name: figure.caption for name, figure in FIGURES.items()},  # for the report
        code=lambda w: code_digest("draw_figures", *FIGURE_MODULES),
    script:
        "../scripts/draw_figures.py"
