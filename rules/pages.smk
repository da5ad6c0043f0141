# Tables, runs and figures to the report.
# Reads: everything that the study made. Writes: one page, the text that Snakemake's report begins with, and study.yaml.


rule write_report:
    input:
        tables=report_items.tables,
        metrics=runs.of(paths.METRICS),
        predictions=runs.of(paths.PREDICTIONS),
        clips=report_items.clip_tables,
        audits=lambda w: runs.finished(expand(paths.AUDIT, dataset=runs.datasets)),
        splits=lambda w: runs.finished(expand(paths.SPLIT, dataset=runs.datasets, seed=runs.seeds)),
        figures=paths.FIGURES,
        explored=expand(ITEMS["labels"].path, dataset=runs.datasets),
    output:
        page=item("report"),
        landing=paths.LANDING,
        study=update(paths.STUDY),  # kept while the job runs, since it may be the configuration that runs it
    log:
        "<logs>/write_report.log",
    localrule: True
    conda:
        "../envs/reporting.yaml"
    params:
        study=report_items.study_json,
        # A function, so that {x} in it is no wildcard.
        facts=lambda w: canonical_json(study_facts(), sort_keys=False),
        code=code_digest("write_report", *SECTION_MODULES),
    script:
        "../scripts/write_report.py"
