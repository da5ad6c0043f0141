# What models get wrong: figures, and pages to look at and to listen to.
rule plot_confusion:
    input:
        of_runs(METRICS),
    output:
        report(
            "<results>/summary/{dataset}/confusion.svg",
            caption="../config/report/confusion.rst",
            category="2 Compare",
            labels={"figure": "confusion matrices", "data set": "{dataset}", "model": "all"},
        ),
    log:
        "<logs>/plot_confusion/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        panels="model",
        names=selected["models"],
        metric=selected["metric"],
        code=code_digest("plot_confusion"),
    script:
        "../scripts/plot_confusion.py"


# The same of one model on every data set: what merging labels or augmenting changes, step by step.
use rule plot_confusion as plot_confusion_of_model with:
    output:
        report(
            "<results>/summary/confusion/{model}.svg",
            caption="../config/report/steps.rst",
            category="2 Compare",
            labels={"figure": "confusion matrices", "data set": "all", "model": "{model}"},
        ),
    log:
        "<logs>/plot_confusion_of_model/{model}.log",
    params:
        panels="dataset",
        names=selected["datasets"],
        metric=selected["metric"],
        code=code_digest("plot_confusion"),


rule plot_calibration:
    input:
        of_runs(METRICS),
    output:
        report(
            "<results>/summary/{dataset}/calibration.svg",
            caption="../config/report/calibration.rst",
            category="2 Compare",
            labels={"figure": "reliability", "data set": "{dataset}", "model": "all"},
        ),
    log:
        "<logs>/plot_calibration/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        models=selected["models"],
        code=code_digest("plot_calibration"),
    script:
        "../scripts/plot_calibration.py"


rule plot_samples:
    input:
        predictions=of_runs(PREDICTIONS),
        clips=clip_table,
    output:
        report(
            "<results>/summary/{dataset}/{model}/samples.svg",
            caption="../config/report/samples.rst",
            category="3 Mistakes",
            labels={"figure": "sample predictions", "data set": "{dataset}", "model": "{model}"},
        ),
    log:
        "<logs>/plot_samples/{dataset}/{model}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code_digest("plot_samples"),
    script:
        "../scripts/plot_samples.py"


rule page_confusion:
    input:
        of_runs(METRICS),
    output:
        report(
            "<results>/summary/{dataset}/confusion.html",
            caption="../config/report/matrices.rst",
            category="2 Compare",
            labels={"figure": "confusion, side by side", "data set": "{dataset}", "model": "all"},
        ),
    log:
        "<logs>/page_confusion/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        models=selected["models"],
        code=code_digest("page_confusion"),
    script:
        "../scripts/page_confusion.py"


rule page_mistakes:
    input:
        metrics=of_runs(METRICS),
        predictions=of_runs(PREDICTIONS),
        clips=clip_table,
    output:
        report(
            "<results>/summary/{dataset}/{model}/mistakes.html",
            caption="../config/report/mistakes.rst",
            category="3 Mistakes",
            labels={"figure": "mistakes", "data set": "{dataset}", "model": "{model}"},
        ),
    log:
        "<logs>/page_mistakes/{dataset}/{model}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code_digest("page_mistakes"),
    script:
        "../scripts/page_mistakes.py"
