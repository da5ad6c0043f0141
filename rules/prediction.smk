# Recordings of one's own, predicted with a model that was trained: `snakemake predict`.
from soundbench.modelfolders import find_models
from soundbench.models import FAMILIES
from soundbench.recordings import watched_files


def asked(wildcards):
    """The entry of the configuration that names recordings and a model."""
    return settings["predict"][wildcards.prediction]


def model_files(name):
    """An input function: the file ``name`` of every model that is averaged, or that there are to choose from."""

    def files(wildcards):
        model = asked(wildcards)["model"]
        if isinstance(model, str):
            return [f"{folder}/{name}" for folder in find_models(model)]
        return expand(
            f"{FOLD}/{name}",
            dataset=model["dataset"],
            model=selected["models"] if "best" in model else model["model"],
            seed=model.get("seed", selected["seeds"]),
            fold=folds(model["dataset"]),
        )

    return files


def of_asked_model(pattern):
    """An input function: ``pattern`` for the data set of a model that this workflow trains, and for its seeds."""

    def files(wildcards):
        model = asked(wildcards)["model"]
        if isinstance(model, str):
            return []
        found = {"dataset": model["dataset"], "source": settings["datasets"][model["dataset"]]["source"]}
        return expand(pattern, **found, seed=model.get("seed", selected["seeds"]))

    return files


rule predict:
    input:
        expand("<results>/predictions/{prediction}/predictions.html", prediction=settings["predict"]),


rule predict_clips:
    input:
        models=model_files("model.safetensors"),
        descriptions=model_files("model.json"),
        histories=lambda w: model_files("history.csv")(w) if "best" in asked(w)["model"] else [],
        clips=lambda w: sorted(set(of_asked_model("<results>/clips/{source}.csv")(w))),
        splits=of_asked_model("<results>/splits/{dataset}/seed{seed}.csv"),
        recordings=lambda w: [file for place in asked(w)["recordings"] for file in watched_files(place)],
    output:
        predictions="<results>/predictions/{prediction}/predictions.csv",
        windows="<results>/predictions/{prediction}/windows.csv",
        unreadable="<results>/predictions/{prediction}/unreadable.csv",
        about="<results>/predictions/{prediction}/about.json",
    log:
        "<logs>/predict_clips/{prediction}.log",
    benchmark:
        "<benchmarks>/predict_clips/{prediction}.tsv"
    wildcard_constraints:
        prediction=one_of(settings["predict"]) or "(?!)",
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
    wildcard_constraints:
        prediction=one_of(settings["predict"]) or "(?!)",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code_digest("page_predictions"),
    script:
        "../scripts/page_predictions.py"
