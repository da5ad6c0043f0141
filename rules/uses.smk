# Functions that tell what the uses of trained models work on: export, robustness, transfer.
moves = settings["transfer"]
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


def robust_runs(pattern):
    """``pattern`` for every run whose robustness is evaluated."""
    return expand(pattern, dataset=robust["datasets"], model=robust["models"], seed=selected["seeds"])


def robustness_figures():
    return expand("<results>/summary/{dataset}/robustness.svg", dataset=robust["datasets"] if changes else [])


def move(wildcards):
    return moves[wildcards.transfer]


def moved_runs(wildcards):
    """The names of the runs whose models are tested elsewhere."""
    return {**move(wildcards)["from"], "seed": selected["seeds"]}


def moved_models(name):
    """An input function: the file ``name`` of every fold and seed of a transfer's run."""
    return lambda w: expand(f"{FOLD}/{name}", fold=folds(move(w)["from"]["dataset"]), **moved_runs(w))


def moved_from(pattern, seeds):
    """``pattern`` for every run that some entry names, each once."""
    files = [file for entry in moves.values() for file in expand(pattern, seed=seeds, **entry["from"])]
    return list(dict.fromkeys(files))


def clips_of(dataset):
    return f"<results>/clips/{settings['datasets'][dataset]['source']}.csv"


def tested_splits(wildcards):
    """The splits that tell which clips of the other data set are test clips; none where all count."""
    pattern = "<results>/splits/{dataset}/seed{seed}.csv"
    entry = move(wildcards)
    return expand(pattern, dataset=entry["to"], seed=selected["seeds"]) if entry["clips"] == "test" else []


def transfer_page():
    return ["<results>/summary/transfer.html"] if moves else []
