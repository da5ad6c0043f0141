# Audit the clips, and measure which properties of the recordings predict the labels (confounds).
# Reads: clip tables and measurements. Writes: audit/, confounds/.


rule measure_confounds:
    input:
        measures=data.of_source(paths.MEASURES),
        clips=data.clip_table,
    output:
        table=paths.CONFOUNDS,
    log:
        "<logs>/measure_confounds/{dataset}.log",
    conda:
        environment("reporting")
    resources:
        mem_mb=by_clips(2000, 20, "measures"),
        runtime=by_clips(60, 1, "measures"),
    params:
        view=lambda w: canonical_json(study.view(w)),
        seed=study.selected["seeds"][0],
        code=lambda w: code_digest("measure_confounds"),
    script:
        "../scripts/measure_confounds.py"


rule audit_clips:
    input:
        unpack(data.measures),
        notes=data.of_source(paths.NOTES),
    output:
        findings=paths.AUDIT,
        page=item("audit"),
    log:
        "<logs>/audit_clips/{dataset}.log",
    conda:
        environment("reporting")
    resources:
        mem_mb=by_clips(2000, 20, "measures"),
        runtime=by_clips(60, 1, "measures"),
    params:
        view=lambda w: canonical_json(study.settings["datasets"][w.dataset]),
        caption=lambda w: ITEMS["audit"].described(w),
        code=lambda w: code_digest("audit_clips"),
    script:
        "../scripts/audit_clips.py"
