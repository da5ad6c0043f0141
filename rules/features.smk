# From clips to the pictures that models see.
rule compute_features:
    input:
        clips="<results>/clips/{source}.csv",
    output:
        features="<results>/features/{source}/{features}/{variant}.npy",
        index="<results>/features/{source}/{features}/{variant}.csv",
    log:
        "<logs>/compute_features/{source}/{features}/{variant}.log",
    benchmark:
        "<benchmarks>/compute_features/{source}/{features}/{variant}.tsv"
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
