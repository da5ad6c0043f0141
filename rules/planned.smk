# Which runs the tables, figures and pages are made of.
METRICS = "<results>/runs/{dataset}/{model}/seed{seed}/metrics.json"
PREDICTIONS = "<results>/runs/{dataset}/{model}/seed{seed}/predictions.csv"
HISTORY = "<results>/runs/{dataset}/{model}/seed{seed}/fold{fold}/history.csv"

# What the tables should hold, so that they can tell what is missing.
plan = {
    "datasets": {
        name: {key: settings["datasets"][name]["split"][key] for key in ("scheme", "protocol", "folds")}
        for name in selected["datasets"]
    },
    "models": selected["models"],
    "seeds": selected["seeds"],
}
references_json = canonical_json(list(settings["references"].values()))
study_arguments_json = canonical_json(
    study_arguments(workflow.main_snakefile, workflow.overwrite_configfiles, workflow.config_settings.config_args)
)
plan_json = canonical_json(plan, sort_keys=False)  # tables keep the order of the selection


def finished(files):
    """All of these files; where gaps are to be shown, those that exist."""
    if settings["report"]["missing"] == "fail":
        return files
    return [file for file in files if Path(path_variables.apply(file)).exists()]


def run_files(pattern, dataset, models):
    """``pattern`` for every run of these models on a data set."""
    return finished(expand(pattern, dataset=dataset, model=models, seed=selected["seeds"], fold=folds(dataset)))


def of_runs(pattern):
    """An input function: ``pattern`` for every run, or for those of the data set and model that the wildcards name."""

    def files(wildcards):
        datasets = [wildcards.dataset] if hasattr(wildcards, "dataset") else selected["datasets"]
        models = [wildcards.model] if hasattr(wildcards, "model") else selected["models"]
        return [file for name in datasets for file in run_files(pattern, name, models)]

    return files


def of_splits(wildcards):
    """A split table of every data set, whatever its seed: the groups and the sizes are the same in all."""
    pattern = "<results>/splits/{dataset}/seed{seed}.csv"
    found = [finished(expand(pattern, dataset=name, seed=selected["seeds"])) for name in selected["datasets"]]
    return [file for files in found for file in files[:1]]


def of_datasets(output):
    """An input function: ``output`` for every data set that has a run."""
    names = selected["datasets"]
    return lambda w: expand(output, dataset=[name for name in names if run_files(METRICS, name, selected["models"])])


def of_models(output):
    """An input function: ``output`` for every data set and model that have a run."""
    pairs = [(name, model) for name in selected["datasets"] for model in selected["models"]]
    return lambda w: list(
        dict.fromkeys(
            file
            for name, model in pairs
            if run_files(METRICS, name, model)
            for file in expand(output, dataset=name, model=model)
        )
    )
