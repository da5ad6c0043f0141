# From pictures to what a network that was trained before makes of them.
use rule fetch_weights as fetch_weights_of_embedding with:
    output:
        manifest="<resources>/weights/features/{features}.json",
    log:
        "<logs>/fetch_weights/features/{features}.log",
    params:
        wanted=lambda w: f"features.{w.features}.model.pretrained",
        recipe=lambda w: canonical_json(settings["features"][w.features]["model"]),
        code=lambda w: code_digest("fetch_weights", embedding_family(w)),


rule embed_clips:
    input:
        unpack(embedded_pictures),
        weights=lambda w: embedding_weights(w.features),
    output:
        features="<results>/features/{source}/{features}/{variant}.npy",
        index="<results>/features/{source}/{features}/{variant}.csv",
    log:
        "<logs>/embed_clips/{source}/{features}/{variant}.log",
    benchmark:
        "<benchmarks>/embed_clips/{source}/{features}/{variant}.tsv"
    wildcard_constraints:
        features=one_of(embeddings(settings["features"])),
    conda:
        "../envs/training.yaml"
    threads: 4
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        recipe=lambda w: canonical_json(settings["features"][w.features]["model"]),
        front_end=lambda w: entry_json("features", embedding_inputs(w)[1]),
        precision=lambda w: settings["features"][w.features]["precision"],
        code=lambda w: code_digest("embed_clips", embedding_family(w)),
    script:
        "../scripts/embed_clips.py"
