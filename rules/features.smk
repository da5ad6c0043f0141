# From clips to the pictures that models see.
rule augment_clips:
    input:
        clips="<results>/clips/{source}.csv",
        recordings=noise_recordings,
    output:
        table="<results>/augmented/{source}/{variant}.csv",
        audio=directory("<results>/augmented/{source}/{variant}"),
    log:
        "<logs>/augment_clips/{source}/{variant}.log",
    conda:
        "../envs/features.yaml"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        variant=lambda w: canonical_json(variant_entry(w.variant)),
        views=lambda w: canonical_json(augmenting_views(w)),
        files=noise_files,
        code=code_digest("augment_clips"),
    script:
        "../scripts/augment_clips.py"


rule compute_features:
    input:
        clips="<results>/clips/{source}.csv",
        copies=variant_table,
    output:
        features="<results>/features/{source}/{features}/{variant}.npy",
        index="<results>/features/{source}/{features}/{variant}.csv",
    log:
        "<logs>/compute_features/{source}/{features}/{variant}.log",
    benchmark:
        "<benchmarks>/compute_features/{source}/{features}/{variant}.tsv"
    wildcard_constraints:
        features=one_of(name for name in settings["features"] if name not in embeddings(settings["features"])),
    conda:
        "../envs/features.yaml"
    threads: 4
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
    params:
        settings=lambda w: entry_json("features", w.features),
        code=code_digest("compute_features"),
    script:
        "../scripts/compute_features.py"


# Pictures are for people: `snakemake pictures` draws those of all features that the selection uses.
rule pictures:
    input:
        selected_pictures(),


rule draw_pictures:
    input:
        features="<results>/features/{source}/{features}/{variant}.npy",
        index="<results>/features/{source}/{features}/{variant}.csv",
    output:
        pictures=directory("<results>/pictures/{source}/{features}/{variant}"),
    log:
        "<logs>/draw_pictures/{source}/{features}/{variant}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        code=code_digest("draw_pictures"),
    script:
        "../scripts/draw_pictures.py"


rule show_variants:
    input:
        split=f"<results>/splits/{{dataset}}/seed{selected['seeds'][0]}.csv",
        tables=lambda w: expand(
            "<results>/augmented/{source}/{variant}.csv",
            source=view(w)["source"],
            variant=[ORIGINAL, *view_variants(w.dataset)],
        ),
    output:
        page=report(
            "<results>/summary/{dataset}/variants.html",
            caption="../config/report/variants.rst",
            category="4 Data",
            labels={"shown": "sounds", "data set": "{dataset}"},
        ),
        figure=report(
            "<results>/summary/{dataset}/variants.svg",
            caption="../config/report/variants.rst",
            category="4 Data",
            labels={"shown": "spectrograms", "data set": "{dataset}"},
        ),
    log:
        "<logs>/show_variants/{dataset}.log",
    conda:
        "../envs/reporting.yaml"
    params:
        augment=lambda w: canonical_json(view(w)["augment"]),
        variants=lambda w: canonical_json({name: variant_entry(name) for name in [ORIGINAL, *view_variants(w.dataset)]}),
        code=code_digest("show_variants"),
    script:
        "../scripts/show_variants.py"
