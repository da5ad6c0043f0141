# Fetch published weights on the host that starts the study, because compute nodes have no network.
# Reads: the network. Writes: one list of fetched files per model and embedding that starts from such weights.


rule fetch_weights:
    output:
        manifest=paths.WEIGHTS,
    log:
        "<logs>/fetch_weights/{model}.log",
    localrule: True
    conda:
        environment("training")
    params:
        key=lambda w: f"models.{w.model}.pretrained",
        recipe=lambda w: study.entry_json("models", w.model, "training"),
        code=lambda w: code_digest("fetch_weights", training.family_module(w)),
    script:
        "../scripts/fetch_weights.py"


use rule fetch_weights as fetch_weights_of_embedding with:
    output:
        manifest=paths.EMBEDDING_WEIGHTS,
    log:
        "<logs>/fetch_weights/features/{features}.log",
    params:
        key=lambda w: f"features.{w.features}.model.pretrained",
        recipe=lambda w: canonical_json(study.settings["features"][w.features]["model"]),
        code=lambda w: code_digest("fetch_weights", features.embedding_family(w)),
