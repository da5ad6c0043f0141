# Write the report about tables, runs and figures.
# Reads: all results of the study. Writes: one page, the text at the start of Snakemake's report, and study.yaml.


rule write_report:
    input:
        tables=report_items.tables,
        metrics=runs.of(paths.METRICS),
        predictions=runs.of(paths.PREDICTIONS),
        explanations=runs.of_trained(paths.EXPLANATIONS),
        clips=report_items.clip_tables,
        audits=lambda w: runs.finished(expand(paths.AUDIT, dataset=runs.datasets)),
        confounds=report_items.confounds,
        splits=lambda w: runs.finished(expand(paths.SPLIT, dataset=runs.datasets, seed=runs.seeds)),
        figures=paths.FIGURES,
        explored=expand(paths.CLIP_FIGURES, dataset=runs.datasets),
    output:
        page=item("report"),
        landing=paths.LANDING,
        study=update(paths.STUDY),  # kept while the job runs, because it may be the configuration of this run
    log:
        "<logs>/write_report.log",
    localrule: True
    conda:
        environment("reporting")
    params:
        study=report_items.study_json,
        # A function, so that {x} in it is no wildcard.
        facts=lambda w: canonical_json(study_facts(), sort_keys=False),
        caption=lambda w: ITEMS["report"].described(w),
        code=lambda w: code_digest("write_report", *SECTION_MODULES),
    script:
        "../scripts/write_report.py"
