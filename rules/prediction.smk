# Predict new recordings with trained models: `snakemake predict`.
# Reads: recordings and models. Writes: tables of predictions and a page.


rule predict:
    input:
        predictions.pages(ITEMS["predictions"].path),


rule predict_clips:
    input:
        models=predictions.of_models(paths.MODEL),
        descriptions=predictions.of_models(paths.DESCRIPTION),
        histories=predictions.of_choice(paths.HISTORY),
        clips=predictions.of_dataset(paths.CLIPS),
        splits=predictions.of_dataset(paths.SPLIT),
        recordings=predictions.recordings,
    output:
        predictions=paths.PREDICTED,
        windows="<results>/predictions/{prediction}/windows.csv",
        unreadable="<results>/predictions/{prediction}/unreadable.csv",
        about="<results>/predictions/{prediction}/about.json",
    log:
        "<logs>/predict_clips/{prediction}.log",
    benchmark:
        "<benchmarks>/predict_clips/{prediction}.tsv"
    conda:
        environment("training")
    threads: 4
    resources:
        mem_mb=lambda w, attempt: attempt * predictions.by_recordings(w, 4000, 10),
        runtime=lambda w, attempt: attempt * predictions.by_recordings(w, 60, 10),
    params:
        recordings=lambda w: predictions.entry(w)["recordings"],
        files=predictions.recording_digests,
        options=lambda w: canonical_json({key: predictions.entry(w)[key] for key in ("overlap", "summary", "top_k")}),
        code=lambda w: code_digest("predict_clips", *FAMILIES.modules(), *FRONT_ENDS.modules()),
    script:
        "../scripts/predict_clips.py"


use rule predict_clips as predict_clips_large with:
    wildcard_constraints:
        prediction=one_of(predictions.large),


ruleorder: predict_clips_large > predict_clips


rule page_predictions:
    input:
        **rules.predict_clips.output,
    output:
        item("predictions"),
    log:
        "<logs>/page_predictions/{prediction}.log",
    localrule: True
    conda:
        environment("reporting")
    params:
        caption=lambda w: ITEMS["predictions"].described(w),
        code=lambda w: code_digest("page_predictions"),
    script:
        "../scripts/page_predictions.py"
