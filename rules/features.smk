# Make augmented copies of clips, and compute features and embeddings.
# Reads: clip tables and recordings. Writes: audio of copies, feature arrays with their indices, and figures of both.
# Trainings wait for copies, features and embeddings, so these jobs run before others that are ready.


rule augment_clips:
    input:
        clips=paths.CLIPS,
        recordings=augmentation.noise_recordings,
    output:
        table=paths.COPIES,
        audio=directory(paths.COPIED_AUDIO),
    log:
        "<logs>/augment_clips/{source}/{variant}.log",
    wildcard_constraints:
        source=one_of(data.whole),
    priority: 1
    conda:
        environment("features")
    threads: 4
    resources:
        mem_mb=by_clips(2000, 10),
        runtime=by_clips(60, 10),
    params:
        variant=lambda w: canonical_json(augmentation.entry(w.variant)),
        views=lambda w: canonical_json(augmentation.views(w)),
        files=augmentation.noise_digests,
        code=lambda w: code_digest("augment_clips", *augmentation.effect_modules(w)),
    script:
        "../scripts/augment_clips.py"


rule compute_features:
    input:
        clips=paths.CLIPS,
        copies=augmentation.copies,
    output:
        features=paths.FEATURES,
        index=paths.FEATURE_INDEX,
    log:
        "<logs>/compute_features/{source}/{features}/{variant}.log",
    benchmark:
        "<benchmarks>/compute_features/{source}/{features}/{variant}.tsv"
    wildcard_constraints:
        source=one_of(data.whole),
        features=one_of(name for name in study.settings["features"] if name not in features.embeddings),
    priority: 1
    conda:
        environment("features")
    threads: 4
    resources:
        mem_mb=by_clips(2000, 10),
        runtime=by_clips(60, 10),
    params:
        settings=lambda w: study.entry_json("features", w.features),
        code=lambda w: code_digest("compute_features", *features.front_end_modules(w.features)),
    script:
        "../scripts/compute_features.py"


rule draw_features:
    input:
        features=paths.FEATURES,
        index=paths.FEATURE_INDEX,
    output:
        images=directory("<results>/feature_images/{source}/{features}/{variant}"),
    log:
        "<logs>/draw_features/{source}/{features}/{variant}.log",
    conda:
        environment("reporting")
    params:
        code=lambda w: code_digest("draw_features"),
    script:
        "../scripts/draw_features.py"


# No job needs these images. `snakemake feature_images` draws them for all features that the selection uses.
rule feature_images:
    input:
        features.selected(rules.draw_features.output[0]),


rule show_variants:
    input:
        split=f"<results>/splits/{{dataset}}/seed{study.selected['seeds'][0]}.csv",
        tables=lambda w: expand(
            paths.COPIES,
            source=study.view(w)["source"],
            variant=[ORIGINAL, *augmentation.variants(w.dataset)],
        ),
    output:
        page=item("variants"),
        figure=item("variant_spectrograms"),
    log:
        "<logs>/show_variants/{dataset}.log",
    conda:
        environment("reporting")
    params:
        augment=lambda w: canonical_json(study.view(w)["augment"]),
        variants=lambda w: augmentation.entries_json(w.dataset),
        caption=lambda w: ITEMS["variants"].described(w),
        code=lambda w: code_digest("show_variants"),
    script:
        "../scripts/show_variants.py"


rule embed_clips:
    input:
        unpack(features.of_embedding),
        weights=lambda w: features.embedding_weights(w.features),
    output:
        features=paths.FEATURES,
        index=paths.FEATURE_INDEX,
    log:
        "<logs>/embed_clips/{source}/{features}/{variant}.log",
    benchmark:
        "<benchmarks>/embed_clips/{source}/{features}/{variant}.tsv"
    wildcard_constraints:
        source=one_of(data.whole),
        features=one_of(features.embeddings),
    priority: 1
    conda:
        environment("training")
    threads: 4
    resources:
        mem_mb=by_clips(4000, 10, "index"),
        runtime=by_clips(60, 30, "index"),
    params:
        recipe=lambda w: canonical_json(study.settings["features"][w.features]["model"]),
        front_end=lambda w: study.entry_json("features", features.embedding(w)[1]),
        precision=lambda w: study.settings["features"][w.features]["precision"],
        code=lambda w: code_digest("embed_clips", features.embedding_family(w)),
    script:
        "../scripts/embed_clips.py"
