# Export trained models for other programs: `snakemake export`.
# Reads: a trained fold and the results of its runs. Writes: one folder per selected data set and model.


rule export:
    input:
        exports.folders(paths.EXPORTED),


rule export_model:
    input:
        unpack(exports.checked(features.of_model)),
        model=exports.of_fold(paths.MODEL),
        description=exports.of_fold(paths.DESCRIPTION),
        trained_on=exports.of_fold(paths.TRAINED_ON),
        split=exports.of_fold(paths.SPLIT),
        clips=data.clip_table,
        metrics=runs.of(paths.METRICS),
        predictions=runs.of(paths.PREDICTIONS),
        audit=paths.AUDIT,
    output:
        folder=directory(paths.EXPORTED),
    log:
        "<logs>/export_model/{dataset}/{model}.log",
    conda:
        environment("export")
    resources:
        mem_mb=by_clips(4000, 20),
        runtime=by_clips(30, 1),
    params:
        data=exports.data,
        code=lambda w: code_digest("export_model", *training.model_modules(w)),
    script:
        "../scripts/export_model.py"
