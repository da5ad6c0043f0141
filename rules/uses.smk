# Functions that tell what the uses of trained models work on: export, robustness, transfer.
moves = settings["transfer"]
large_moves = [name for name, entry in moves.items() if entry["from"]["model"] in large_models]
robust = {name: settings["robustness"][name] or selected[name] for name in ("datasets", "models")}
changes = [(kind, level) for kind in ("noise", "pitch", "speed") for level in settings["robustness"][kind]]


def exported_run(wildcards):
    """The folder of the trained fold that is exported."""
    chosen = settings["export"]
    seed = selected["seeds"][0] if chosen["seed"] is None else chosen["seed"]
    return f"<results>/runs/{wildcards.dataset}/{wildcards.model}/seed{seed}/fold{chosen['fold']}"


def exported_data(wildcards):
    """What the model card tells of the data set: where its clips are from, and how they are split."""
    name = view(wildcards)["source"]
    origin = settings["sources"][name]
    told = {"source": name, "reader": origin["reader"], "url": origin.get("url")}
    return canonical_json(told | {"split": view(wildcards)["split"]})


def has_run(dataset, model):
    """Whether a model's runs on a data set are evaluated, or will be: where gaps are shown, no other is started."""
    files = expand(METRICS, dataset=dataset, model=model, seed=selected["seeds"])
    return finished(files) == files


def robust_models(dataset):
    return [model for model in robust["models"] if has_run(dataset, model)]


def robust_runs(pattern):
    """An input function: ``pattern`` for every run whose robustness is evaluated."""
    return lambda w: [
        file
        for dataset in robust["datasets"]
        for file in expand(pattern, dataset=dataset, model=robust_models(dataset), seed=selected["seeds"])
    ]


def robustness_figures(wildcards):
    names = [dataset for dataset in robust["datasets"] if robust_models(dataset)] if changes else []
    return expand("<results>/summary/{dataset}/robustness.svg", dataset=names)


def move(wildcards):
    return moves[wildcards.transfer]


def moved_runs(wildcards):
    """The names of the runs whose models are tested elsewhere."""
    return {**move(wildcards)["from"], "seed": selected["seeds"]}


def moved_models(name):
    """An input function: the file ``name`` of every fold and seed of a transfer's run."""
    return lambda w: expand(f"{FOLD}/{name}", fold=folds(move(w)["from"]["dataset"]), **moved_runs(w))


def shown_moves():
    """The entries whose runs are finished, or will be."""
    return {name: entry for name, entry in moves.items() if has_run(**entry["from"])}


def of_moves(pattern):
    """An input function: ``pattern`` for every entry."""
    return lambda w: expand(pattern, transfer=shown_moves())


def moved_from(pattern, seeds):
    """An input function: ``pattern`` for every run that some entry names, each once."""
    return lambda w: list(
        dict.fromkeys(file for entry in shown_moves().values() for file in expand(pattern, seed=seeds, **entry["from"]))
    )


def clips_of(dataset):
    return f"<results>/clips/{settings['datasets'][dataset]['source']}.csv"


def sources_of(wildcards):
    """The source that a transfer's models were trained on, and the one that they are tested on."""
    entry = move(wildcards)
    return [settings["datasets"][dataset]["source"] for dataset in (entry["from"]["dataset"], entry["to"])]


def moved_overlaps(wildcards):
    """Which clips of the other data set are copies of clips of the sources that a transfer's models were trained on."""
    entry = move(wildcards)
    trained = sorted({sources_of(wildcards)[0], *earlier_sources(entry["from"]["model"])})
    return [f"<results>/overlaps/{entry['to']}/{source}.csv" for source in trained]


def tested_splits(wildcards):
    """The splits that tell which clips of the other data set are test clips; none where all count."""
    pattern = "<results>/splits/{dataset}/seed{seed}.csv"
    entry = move(wildcards)
    return expand(pattern, dataset=entry["to"], seed=selected["seeds"]) if entry["clips"] == "test" else []


def transfer_page(wildcards):
    return ["<results>/summary/transfer.html"] if shown_moves() else []
