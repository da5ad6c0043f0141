# Recordings of one's own, predicted with a model that was trained: `snakemake predict`.
rule predict:
    input:
        asked_pages,


rule predict_clips:
    input:
        models=model_files("model.safetensors"),
        descriptions=model_files("model.json"),
        histories=lambda w: model_files("history.csv")(w) if "best" in asked(w)["model"] else [],
        clips=of_asked_model("<results>/clips/{source}.csv"),
        splits=of_asked_model("<results>/splits/{dataset}/seed{seed}.csv"),
        recordings=watched_recordings,
    output:
        predictions="<results>/predictions/{prediction}/predictions.csv",
        windows="<results>/predictions/{prediction}/windows.csv",
        unreadable="<results>/predictions/{prediction}/unreadable.csv",
        about="<results>/predictions/{prediction}/about.json",
    log:
        "<logs>/predict_clips/{prediction}.log",
    benchmark:
        "<benchmarks>/predict_clips/{prediction}.tsv"
    conda:
        "../envs/training.yaml"
    threads: 4
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        recordings=lambda w: asked(w)["recordings"],
        options=lambda w: canonical_json({key: asked(w)[key] for key in ("overlap", "summary", "top_k")}),
        code=code_digest("predict_clips", *(f"soundbench.models.{family}" for family in FAMILIES)),
    script:
        "../scripts/predict_clips.py"


use rule predict_clips as predict_clips_large with:
    wildcard_constraints:
        prediction=one_of(large_predictions),


ruleorder: predict_clips_large > predict_clips


rule page_predictions:
    input:
        **rules.predict_clips.output,
    output:
        report(
            "<results>/predictions/{prediction}/predictions.html",
            caption="../config/report/predictions.rst",
            category="6 Predictions",
            labels={"figure": "predictions", "recordings": "{prediction}"},
        ),
    log:
        "<logs>/page_predictions/{prediction}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code_digest("page_predictions"),
    script:
        "../scripts/page_predictions.py"
