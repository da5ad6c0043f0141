# From pictures to what a network that was trained before makes of them.
def embedding_inputs(wildcards):
    """Family and front-end of an embedding."""
    return embedded(settings, settings["features"][wildcards.features])


def embedded_pictures(wildcards):
    """The pictures that an embedding is made of, and their index."""
    stem = f"<results>/features/{{source}}/{embedding_inputs(wildcards)[1]}/{{variant}}"
    return {"features": f"{stem}.npy", "index": f"{stem}.csv"}


def front_end_json(name):
    """A front-end with all that decides its values; an embedding holds the settings of the pictures it is made of."""
    entry = settings["features"][name]
    if name not in embeddings(settings["features"]):
        return entry_json("features", name)
    return canonical_json(entry | {"features": settings["features"][embedded(settings, entry)[1]]})


def embedding_family(wildcards):
    return f"soundbench.models.{embedding_inputs(wildcards)[0]}"


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
        code=lambda w: code_digest("embed_clips", embedding_family(w)),
    script:
        "../scripts/embed_clips.py"
