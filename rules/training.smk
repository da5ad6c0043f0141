# Features to trained models.
# Reads: feature arrays and split tables. Writes: a folder for every data set, model, seed and fold.


# One model, trained on one fold with one seed. Its TensorBoard events and its checkpoint stand beside the outputs and
# are none: Snakemake removes outputs before every attempt, also those that an orphan of a killed one still writes.
rule train_model:
    input:
        unpack(training.files),
        split=paths.SPLIT,
    output:
        model=paths.MODEL,
        description=paths.DESCRIPTION,
        trained_on=paths.TRAINED_ON,
        history=paths.HISTORY,
    log:
        "<logs>/train_model/{dataset}/{model}/seed{seed}/fold{fold}.log",
    benchmark:
        paths.TRAINING_BENCHMARK
    conda:
        "../envs/training.yaml"
    # Folds side by side on a core each are as fast as one fold on all cores, and the number of threads decides
    # the last bits of the result: it stays the same on every machine.
    threads: 1
    resources:
        mem_mb=lambda w, attempt: 4000 * attempt,
        runtime=lambda w, attempt: 60 * attempt,
        # Seconds between checkpoints, at least. A resource, since it decides nothing of the result.
        checkpoint_seconds=60,
        # auto: the GPU where there is one; cpu: never.
        device="auto",
    params:
        recipe=lambda w: study.entry_json("models", w.model),
        front_end=lambda w: features.front_end_json(study.recipe(w)["features"]),
        augment=lambda w: canonical_json(study.view(w)["augment"]),
        variants=lambda w: augmentation.variants(w.dataset),
        protocol=lambda w: study.view(w)["split"]["protocol"],
        source=lambda w: study.view(w)["source"],
        task=lambda w: study.view(w)["task"],
        code=lambda w: code_digest("train_model", *training.modules(w)),
    script:
        "../scripts/train_model.py"
