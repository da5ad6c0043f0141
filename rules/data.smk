# Make clip tables of recordings, and split the clips.
# Reads: the recordings of each source. Writes: clip tables, measurements, audits, split tables and figures of the clips.


rule fetch_dataset:
    input:
        data.own_archive,
        unpack(data.mixed_clips),
    output:
        manifest=paths.FETCHED,
    log:
        "<logs>/fetch_dataset/{source}.log",
    localrule: True
    conda:
        environment("data")
    params:
        source=lambda w: canonical_json(study.source(w)),
        code=lambda w: code_digest("fetch_dataset", data.reader_module(w)),
    script:
        "../scripts/fetch_dataset.py"


rule index_clips:
    input:
        data.source_files,
        inspected=data.of_shards(paths.INSPECTED),
        landmarks=data.of_shards(paths.INSPECTED_LANDMARKS),
    output:
        clips=paths.CLIPS,
        measures=paths.MEASURES,
        landmarks=paths.LANDMARKS,
        notes=paths.NOTES,
    log:
        "<logs>/index_clips/{source}.log",
    conda:
        environment("data")
    threads: 4
    resources:
        mem_mb=lambda w, attempt: attempt * data.by_recordings(w, 2000, 10),
        runtime=lambda w, attempt: attempt * data.by_recordings(w, 60, 1),
    params:
        source=lambda w: canonical_json(study.source(w)),
        on_bad_clip=lambda w: study.settings["sources"][w.source]["on_bad_clip"],
        root=data.source_root,
        files=lambda w: files_state(data.own_root(w)).digest,
        code=lambda w: code_digest("index_clips", data.reader_module(w)),
    script:
        "../scripts/index_clips.py"


# The audit comes first, so that its page shows the copies for which a split is refused. Its date does not matter: another
# threshold of the audit changes its warnings, but not the split.
rule split_clips:
    input:
        clips=data.clip_table,
        audit=ancient(paths.AUDIT),
        noise=augmentation.noise_overlaps,
    output:
        split=paths.SPLIT,
    log:
        "<logs>/split_clips/{dataset}/seed{seed}.log",
    conda:
        environment("data")
    params:
        view=lambda w: study.entry_json("datasets", w.dataset, "audit"),
        code=lambda w: code_digest("split_clips"),
    script:
        "../scripts/split_clips.py"


# Copies of a data set's clips in another source. A model that was trained there must not be tested on them here.
rule find_overlap:
    input:
        unpack(data.measures),
        other_measures=paths.MEASURES,
        other_landmarks=paths.LANDMARKS,
    output:
        paths.OVERLAP,
    log:
        "<logs>/find_overlap/{dataset}/{source}.log",
    conda:
        environment("data")
    resources:
        mem_mb=by_clips(2000, 20, "measures"),
        runtime=by_clips(60, 1, "measures"),
    params:
        view=lambda w: canonical_json(study.settings["datasets"][w.dataset]),
        code=lambda w: code_digest("find_overlap"),
    script:
        "../scripts/find_overlap.py"


rule find_noise_overlap:
    input:
        unpack(data.measures),
        recordings=augmentation.noise_recordings,
    output:
        paths.NOISE_OVERLAP,
    log:
        "<logs>/find_noise_overlap/{dataset}/{variant}.log",
    conda:
        environment("data")
    threads: 4
    resources:
        mem_mb=by_clips(2000, 20, "measures"),
        runtime=by_clips(60, 1, "measures"),
    params:
        view=lambda w: canonical_json(study.settings["datasets"][w.dataset]),
        files=augmentation.noise_digests,
        code=lambda w: code_digest("find_noise_overlap"),
    script:
        "../scripts/find_noise_overlap.py"


rule explore_dataset:
    input:
        clips=data.clip_table,
    output:
        listen=item("listen"),
        figures=clip_figures(),
    log:
        "<logs>/explore_dataset/{dataset}.log",
    conda:
        environment("reporting")
    params:
        view=lambda w: canonical_json(study.view(w)),
        captions=lambda w: {name: figure.caption for name, figure in CLIP_FIGURES.items()},  # for the report
        caption=lambda w: ITEMS["listen"].described(w),
        code=lambda w: code_digest("explore_dataset", *CLIP_FIGURE_MODULES),
    script:
        "../scripts/explore_dataset.py"
