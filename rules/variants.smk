# Functions that tell which augmented variants a job works on.
def view_variants(dataset):
    """The variants that a data set's training clips are augmented with."""
    return variant_names(settings["datasets"][dataset]["augment"])


def variant_files(suffix):
    """An input function: the features, or their index, of each variant that a data set augments with."""

    def files(wildcards):
        folder = f"<results>/features/{view(wildcards)['source']}/{recipe(wildcards)['features']}"
        return [f"{folder}/{variant}{suffix}" for variant in view_variants(wildcards.dataset)]

    return files


def variant_entry(name):
    """A variant by name; the original is a variant without steps."""
    return settings["augmentations"].get(name, {"steps": [], "seed": 0})


def augmenting_views(wildcards):
    """The library's views that ask for copies of a source: all, so that selecting another one changes nothing."""
    views = [entry for entry in settings["datasets"].values() if entry["source"] == wildcards.source]
    asked = {wildcards.variant} - {ORIGINAL}
    asking = [entry for entry in views if entry["augment"] and asked <= set(variant_names(entry["augment"]))]
    return [without("audit", without("split", entry)) for entry in asking]


def noise_folders(variant):
    """The folders of recordings that a variant takes noise from."""
    folders = (step.get("recordings") for step in variant_entry(variant)["steps"])
    return [str(Path(folder).expanduser()) for folder in folders if folder]


def noise_recordings(wildcards):
    return noise_folders(wildcards.variant)


def noise_files(wildcards):
    """A digest of each of these folders: it changes when a recording in it is overwritten in place."""
    return [files_digest(folder) for folder in noise_folders(wildcards.variant)]


def noise_overlaps(wildcards):
    """Which clips of a data set are copies of recordings that its variants take noise from."""
    named = [name for name in view_variants(wildcards.dataset) if noise_folders(name)]
    return expand("<results>/overlaps/{dataset}/noise/{variant}.csv", variant=named, allow_missing=True)


def variant_table(wildcards):
    """The table of a variant's copies; none for the clips themselves."""
    return [] if wildcards.variant == ORIGINAL else "<results>/augmented/{source}/{variant}.csv"


def selected_pictures():
    """The folders of pictures of all features that the selection uses."""
    return [
        f"<results>/pictures/{settings['datasets'][dataset]['source']}/{settings['models'][model]['features']}/{variant}"
        for dataset in selected["datasets"]
        for model in selected["models"]
        for variant in [ORIGINAL, *view_variants(dataset)]
    ]
