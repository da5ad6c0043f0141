# From a source of recordings to the clips of each part of a data set.
rule fetch_dataset:
    input:
        own_archive,
    output:
        manifest="<resources>/{source}/fetched.json",
    log:
        "<logs>/fetch_dataset/{source}.log",
    localrule: True
    conda:
        "../envs/data.yaml"
    params:
        source=lambda w: entry_json("sources", w.source, "on_bad_clip"),
        code=lambda w: code_digest("fetch_dataset", reader_module(w)),
    script:
        "../scripts/fetch_dataset.py"


rule index_clips:
    input:
        source_files,
    output:
        clips="<results>/clips/{source}.csv",
        measures="<results>/measures/{source}.csv",
        landmarks="<results>/measures/{source}.npz",
        notes="<results>/measures/{source}.json",
    log:
        "<logs>/index_clips/{source}.log",
    conda:
        "../envs/data.yaml"
    threads: 4
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        source=lambda w: entry_json("sources", w.source, "on_bad_clip"),
        on_bad_clip=lambda w: settings["sources"][w.source]["on_bad_clip"],
        root=source_root,
        files=lambda w: files_digest(own_root(w)),
        code=lambda w: code_digest("index_clips", reader_module(w)),
    script:
        "../scripts/index_clips.py"


# The audit comes first, so that its page shows the copies that a split is refused for. Another threshold of the audit
# changes what it warns of, not the split: its time does not count.
rule split_clips:
    input:
        clips=clip_table,
        audit=ancient("<results>/audit/{dataset}.csv"),
        noise=noise_overlaps,
    output:
        split="<results>/splits/{dataset}/seed{seed}.csv",
    log:
        "<logs>/split_clips/{dataset}/seed{seed}.log",
    conda:
        "../envs/data.yaml"
    params:
        view=lambda w: entry_json("datasets", w.dataset, "audit"),
        code=code_digest("split_clips"),
    script:
        "../scripts/split_clips.py"


# Copies of a data set's clips in another source: what a model that was trained there must not be tested on here.
rule find_overlap:
    input:
        unpack(measure_files),
        other_measures="<results>/measures/{source}.csv",
        other_landmarks="<results>/measures/{source}.npz",
    output:
        "<results>/overlaps/{dataset}/{source}.csv",
    log:
        "<logs>/find_overlap/{dataset}/{source}.log",
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
    params:
        view=lambda w: canonical_json(settings["datasets"][w.dataset]),
        code=code_digest("find_overlap"),
    script:
        "../scripts/find_overlap.py"


rule find_noise_overlap:
    input:
        unpack(measure_files),
        recordings=noise_recordings,
    output:
        "<results>/overlaps/{dataset}/noise/{variant}.csv",
    log:
        "<logs>/find_noise_overlap/{dataset}/{variant}.log",
    conda:
        "../envs/data.yaml"
    threads: 4
    resources:
        mem_mb=lambda w, attempt: 2000 * attempt,
    params:
        view=lambda w: canonical_json(settings["datasets"][w.dataset]),
        files=noise_files,
        code=code_digest("find_noise_overlap"),
    script:
        "../scripts/find_noise_overlap.py"
