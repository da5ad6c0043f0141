"""The configuration of a study: the part that it uses, and its difference from the library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soundbench.config.check import merged_configuration, read_library
from soundbench.data.copies import variant_names
from soundbench.models.initial_weights import results_folder, workflow_run

Config = dict[str, Any]


def used_configuration(settings: Config) -> Config:
    """The configuration without the entries of the library that the selection does not use.

    Args:
        settings: the whole configuration, with all defaults.
    """
    runs = used_runs(settings)
    models = {model for _, model in runs}
    datasets = {dataset for dataset, _ in runs} | {entry["to"] for entry in settings["transfer"].values()}
    views = [settings["datasets"][name] for name in datasets]
    front_ends = {settings["models"][name]["features"] for name in models - {*settings["ensembles"]}}
    front_ends |= {settings["features"][name].get("features") for name in front_ends}  # the inputs of embeddings
    used = {
        "sources": {view["source"] for view in views},
        "datasets": datasets,
        "augmentations": {name for view in views for name in variant_names(view["augment"])},
        "features": front_ends,
        "models": models,
        "ensembles": models,
        "trials": models,
        "references": {name for name, entry in settings["references"].items() if datasets & {*entry["datasets"]}},
    }
    parts = {part: {name: entry for name, entry in settings[part].items() if name in used[part]} for part in used}
    return settings | parts


def used_runs(settings: Config) -> set[tuple[str, str]]:
    """The data set and the model of each run that is selected, used for predictions or transfer, or started from."""
    selected = settings["benchmark"]
    named = [entry["model"] for entry in settings["predict"].values() if isinstance(entry["model"], dict)]
    named += [entry["from"] for entry in settings["transfer"].values()]
    waiting = [(dataset, model) for dataset in selected["datasets"] for model in selected["models"]]
    # An entry that requests the best of the selected models names no model.
    waiting += [
        (run["dataset"], model) for run in named for model in ([run["model"]] if "model" in run else selected["models"])
    ]
    runs: set[tuple[str, str]] = set()
    while waiting:
        run = waiting.pop()
        if run not in runs:
            runs.add(run)
            if run[1] in settings["ensembles"]:
                waiting += [(run[0], member) for member in settings["ensembles"][run[1]]["members"]]
                continue
            recipe = settings["models"][run[1]]
            embedding = settings["features"][recipe["features"]].get("model", {})
            for pretrained in (recipe["pretrained"], embedding.get("pretrained")):
                if pretrained and (start := workflow_run(pretrained, results_folder(settings))):
                    waiting.append((start["dataset"], start["model"]))
    return runs


def overlay_of_study(folder: str | Path, overlay: Config, arguments: Config | None = None) -> Config:
    """The difference of a study's configuration from the library; laid over the library, it gives the same study.

    Args:
        folder, overlay, arguments: see :func:`soundbench.config.check.read_configuration`.
    """
    library = read_library(folder)
    return difference(merged_configuration(library, overlay, arguments), library)


def difference(config: Config, base: Config) -> Config:
    """The keys of ``config`` whose values differ from those in ``base``, at every depth."""
    changes: Config = {}
    for key, value in config.items():
        base_value = base.get(key)
        if isinstance(value, dict) and isinstance(base_value, dict):
            if inner := difference(value, base_value):
                changes[key] = inner
        elif key not in base or value != base_value:
            changes[key] = value
    return changes
