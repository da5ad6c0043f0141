# Measure and augment the clips of large sources, and compute features, in shards (sources.NAME.shards). Each shard is a job.
# Reads: recordings and clip tables. Writes: audio of copies and feature arrays, as one job would. Files of shards are temporary.


# index_clips puts the measurements of the shards together.
rule inspect_clips:
    input:
        data.source_files,
    output:
        measures=temp(paths.INSPECTED),
        landmarks=temp(paths.INSPECTED_LANDMARKS),
    log:
        "<logs>/inspect_clips/{source}/{shard}.log",
    conda:
        environment("data")
    threads: 4
    resources:
        mem_mb=lambda w, attempt: attempt * data.by_recordings(w, 2000, 10),
        runtime=lambda w, attempt: attempt * data.by_recordings(w, 60, 1),
    params:
        source=lambda w: canonical_json(study.source(w)),
        root=data.source_root,
        files=lambda w: files_state(data.own_root(w)).digest,
        code=lambda w: code_digest("inspect_clips", data.reader_module(w)),
    script:
        "../scripts/inspect_clips.py"


use rule augment_clips as augment_shard with:
    output:
        table=temp(paths.COPIES_SHARD),
        audio=temp(directory(paths.COPIED_AUDIO_SHARD)),
    log:
        "<logs>/augment_clips/{source}/{variant}/{shard}.log",
    wildcard_constraints:
        source=one_of(data.sharded),


rule gather_copies:
    input:
        tables=data.of_shards(paths.COPIES_SHARD),
        folders=data.of_shards(paths.COPIED_AUDIO_SHARD),
    output:
        table=paths.COPIES,
        audio=directory(paths.COPIED_AUDIO),
    log:
        "<logs>/gather_copies/{source}/{variant}.log",
    wildcard_constraints:
        source=one_of(data.sharded),
    priority: 1
    conda:
        environment("features")
    resources:
        mem_mb=by_clips(2000, 1, "tables"),
        runtime=by_clips(60, 1, "tables"),
    params:
        code=lambda w: code_digest("gather_copies"),
    script:
        "../scripts/gather_copies.py"


use rule compute_features as compute_feature_shard with:
    output:
        features=temp(paths.FEATURE_SHARD),
        index=temp(paths.FEATURE_INDEX_SHARD),
    log:
        "<logs>/compute_features/{source}/{features}/{variant}/{shard}.log",
    benchmark:
        "<benchmarks>/compute_features/{source}/{features}/{variant}/{shard}.tsv"
    wildcard_constraints:
        source=one_of(data.sharded),
        features=one_of(name for name in study.settings["features"] if name not in features.embeddings),


use rule embed_clips as embed_shard with:
    output:
        features=temp(paths.FEATURE_SHARD),
        index=temp(paths.FEATURE_INDEX_SHARD),
    log:
        "<logs>/embed_clips/{source}/{features}/{variant}/{shard}.log",
    benchmark:
        "<benchmarks>/embed_clips/{source}/{features}/{variant}/{shard}.tsv"
    wildcard_constraints:
        source=one_of(data.sharded),
        features=one_of(features.embeddings),


rule gather_features:
    input:
        features=data.of_shards(paths.FEATURE_SHARD),
        index=data.of_shards(paths.FEATURE_INDEX_SHARD),
        clips=paths.CLIPS,
    output:
        features=paths.FEATURES,
        index=paths.FEATURE_INDEX,
    log:
        "<logs>/gather_features/{source}/{features}/{variant}.log",
    wildcard_constraints:
        source=one_of(data.sharded),
    priority: 1
    conda:
        environment("features")
    resources:
        mem_mb=by_clips(2000, 1, "index"),
        runtime=by_clips(60, 1, "index"),
    params:
        settings=lambda w: study.entry_json("features", w.features),
        code=lambda w: code_digest("gather_features"),
    script:
        "../scripts/gather_features.py"
