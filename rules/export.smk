# Trained models for others: `snakemake export` writes a folder for every selected data set and model.


rule export:
    input:
        expand("<results>/exported/{dataset}/{model}", dataset=selected["datasets"], model=selected["models"]),


rule export_model:
    input:
        unpack(feature_files),
        model=lambda w: f"{exported_run(w)}/model.safetensors",
        description=lambda w: f"{exported_run(w)}/model.json",
        trained_on=lambda w: f"{exported_run(w)}/trained_on.txt",
        split=lambda w: f"<results>/splits/{w.dataset}/{Path(exported_run(w)).parent.name}.csv",
        clips=clip_table,
        metrics=of_runs(METRICS),
        predictions=of_runs(PREDICTIONS),
        audit="<results>/audit/{dataset}.csv",
    output:
        folder=directory("<results>/exported/{dataset}/{model}"),
    log:
        "<logs>/export_model/{dataset}/{model}.log",
    conda:
        "../envs/export.yaml"
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 30 * attempt,
    params:
        data=exported_data,
        code=lambda w: code_digest("export_model", family_module(w)),
    script:
        "../scripts/export_model.py"
