# From wildcards to what a job reads, and to the part of the configuration that it needs.
def without(key, entry):
    return {name: value for name, value in entry.items() if name != key}


@cache
def entry_json(part, name, left_out=None):
    """An entry of the library as canonical JSON: made once, and shared by its jobs, of which there may be thousands."""
    return canonical_json(without(left_out, settings[part][name]))


def view(wildcards):
    """A view's keys that decide its split; a change of what the audit reports leaves splits and models alone."""
    return without("audit", settings["datasets"][wildcards.dataset])


def source(wildcards):
    """A source's keys that say which recordings it holds, and not what becomes of bad ones."""
    return without("on_bad_clip", settings["sources"][wildcards.source])


def recipe(wildcards):
    return settings["models"][wildcards.model]


def folds(dataset):
    return range(1, settings["datasets"][dataset]["split"]["folds"] + 1)


def reader_module(wildcards):
    return f"soundbench.datasets.{source(wildcards)['reader']}"


def family_module(wildcards):
    return f"soundbench.models.{recipe(wildcards)['family']}"


def own_root(wildcards):
    """The user's own folder, table or archive of a source's recordings; empty where there is none."""
    root = source(wildcards).get("root")
    return str(Path(root).expanduser()) if root else ""


def own_archive(wildcards):
    return [own_root(wildcards)] if is_archive(own_root(wildcards)) else []


def source_files(wildcards):
    """What has to exist before a source can be read: the user's own recordings (the folders in them change when clips
    come or go), or what fetch_dataset wrote."""
    root = own_root(wildcards)
    return [root, *folders_below(root)] if root and not is_archive(root) else "<resources>/{source}/fetched.json"


def source_root(wildcards, input):
    """The folder (or table) of a source's recordings: the user's own, or what was made, or unpacked, by fetch_dataset."""
    if own_root(wildcards) == input[0]:
        return input[0]
    unpacked = own_archive(wildcards) or source(wildcards).get("url")
    return str(Path(input[0]).parent / ("recordings" if unpacked else ""))


def clip_table(wildcards):
    return f"<results>/clips/{view(wildcards)['source']}.csv"


def measure_files(wildcards):
    """What index_clips measured of the clips of a data set's source."""
    stem = f"<results>/measures/{view(wildcards)['source']}"
    return {"measures": f"{stem}.csv", "landmarks": f"{stem}.npz"}


def feature_files(wildcards):
    """The feature array of a data set for a model, and its index."""
    stem = f"<results>/features/{view(wildcards)['source']}/{recipe(wildcards)['features']}/orig"
    return {"features": f"{stem}.npy", "index": f"{stem}.csv"}


def files_of_weights(pretrained, fetched):
    """The files of weights: what lists the ``fetched`` ones, a run of this workflow, files of the user's, or nothing."""
    if pretrained is None:
        return []
    if pretrained in PUBLISHED.values():
        return [fetched]
    return weight_files(pretrained, results_folder(settings)) or [pretrained]


def initial_weights(wildcards):
    """What a model starts from."""
    return files_of_weights(recipe(wildcards)["pretrained"], "<resources>/weights/{model}.json")


def embedding_weights(features):
    """The weights behind features that are an embedding; nothing behind others."""
    pretrained = settings["features"][features].get("model", {}).get("pretrained")
    return files_of_weights(pretrained, f"<resources>/weights/features/{features}.json")


def embedding_inputs(wildcards):
    """Family and front-end of an embedding."""
    return embedded(settings, settings["features"][wildcards.features])


def embedded_pictures(wildcards):
    """The pictures that an embedding is made of, and their index."""
    stem = f"<results>/features/{{source}}/{embedding_inputs(wildcards)[1]}/{{variant}}"
    return {"features": f"{stem}.npy", "index": f"{stem}.csv"}


def front_end_json(name):
    """A front-end with all that decides its values; an embedding holds the settings of the pictures it is made of."""
    entry = settings["features"][name]
    if name not in embeddings(settings["features"]):
        return entry_json("features", name)
    return canonical_json(entry | {"features": settings["features"][embedded(settings, entry)[1]]})


def embedding_family(wildcards):
    return f"soundbench.models.{embedding_inputs(wildcards)[0]}"


@cache
def earlier_sources(model):
    """The sources that a model was trained on, by this workflow, before it is trained."""
    return sorted(workflow_sources(settings, model))


def training_files(wildcards):
    """What a run is trained on; one function for all of it, since planning 10,000 runs pays for each call."""
    return {
        **feature_files(wildcards),
        "variants": variant_files(".npy")(wildcards),
        "variant_indexes": variant_files(".csv")(wildcards),
        "weights": initial_weights(wildcards),
        "embedding": embedding_weights(recipe(wildcards)["features"]),
        "measures": measure_files(wildcards)["measures"],
        "overlaps": [f"<results>/overlaps/{{dataset}}/{source}.csv" for source in earlier_sources(wildcards.model)],
    }


FOLD = "<results>/runs/{dataset}/{model}/seed{seed}/fold{fold}"


def of_folds(name):
    """An input function: the file ``name`` of every fold of a run."""
    return lambda w: expand(f"{FOLD}/{name}", fold=folds(w.dataset), allow_missing=True)
