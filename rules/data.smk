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
