# Published weights come from the network, which compute nodes do not have.
rule fetch_weights:
    output:
        manifest="<resources>/weights/{model}.json",
    log:
        "<logs>/fetch_weights/{model}.log",
    localrule: True
    conda:
        "../envs/training.yaml"
    params:
        wanted=lambda w: f"models.{w.model}.pretrained",
        recipe=lambda w: entry_json("models", w.model, "training"),
        code=lambda w: code_digest("fetch_weights", family_module(w)),
    script:
        "../scripts/fetch_weights.py"


# One model, trained on one fold with one seed. Its TensorBoard events and its checkpoint stand beside the outputs and
# are none: Snakemake removes outputs before every attempt, also those that an orphan of a killed one still writes.
rule train_model:
    input:
        unpack(training_files),
        split="<results>/splits/{dataset}/seed{seed}.csv",
    output:
        model="<results>/runs/{dataset}/{model}/seed{seed}/fold{fold}/model.safetensors",
        description="<results>/runs/{dataset}/{model}/seed{seed}/fold{fold}/model.json",
        trained_on="<results>/runs/{dataset}/{model}/seed{seed}/fold{fold}/trained_on.txt",
        history="<results>/runs/{dataset}/{model}/seed{seed}/fold{fold}/history.csv",
    log:
        "<logs>/train_model/{dataset}/{model}/seed{seed}/fold{fold}.log",
    benchmark:
        "<benchmarks>/train_model/{dataset}/{model}/seed{seed}/fold{fold}.tsv"
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
        recipe=lambda w: entry_json("models", w.model),
        front_end=lambda w: front_end_json(recipe(w)["features"]),
        augment=lambda w: canonical_json(view(w)["augment"]),
        variants=lambda w: view_variants(w.dataset),
        protocol=lambda w: view(w)["split"]["protocol"],
        source=lambda w: view(w)["source"],
        code=lambda w: code_digest("train_model", family_module(w)),
    script:
        "../scripts/train_model.py"
