"""What a study is: the part of the configuration that it uses, and its difference from the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soundbench.config.check import merged_configuration, read_library
from soundbench.data.copies import variant_names
from soundbench.models.initial_weights import results_folder, workflow_run

Config = dict[str, Any]


def used_configuration(settings: Config) -> Config:
    """The configuration without those entries of the library that the selection does not use.

    Args:
        settings: the whole configuration, every default filled in.
    """
    runs = used_runs(settings)
    models = {model for _, model in runs}
    datasets = {dataset for dataset, _ in runs} | {entry["to"] for entry in settings["transfer"].values()}
    views = [settings["datasets"][name] for name in datasets]
    front_ends = {settings["models"][name]["features"] for name in models}
    front_ends |= {settings["features"][name].get("features") for name in front_ends}  # what an embedding is made of
    used = {
        "sources": {view["source"] for view in views},
        "datasets": datasets,
        "augmentations": {name for view in views for name in variant_names(view["augment"])},
        "features": front_ends,
        "models": models,
        "references": {name for name, entry in settings["references"].items() if datasets & {*entry["datasets"]}},
    }
    parts = {part: {name: entry for name, entry in settings[part].items() if name in used[part]} for part in used}
    return settings | parts


def used_runs(settings: Config) -> set[tuple[str, str]]:
    """Data set and model of each run that is selected, predicted with, transferred, or started from."""
    selected = settings["benchmark"]
    asked = [entry["model"] for entry in settings["predict"].values() if isinstance(entry["model"], dict)]
    asked += [entry["from"] for entry in settings["transfer"].values()]
    waiting = [(dataset, model) for dataset in selected["datasets"] for model in selected["models"]]
    # An entry that asks for the best of the selected models names none.
    waiting += [
        (run["dataset"], model) for run in asked for model in ([run["model"]] if "model" in run else selected["models"])
    ]
    found: set[tuple[str, str]] = set()
    while waiting:
        run = waiting.pop()
        if run not in found:
            found.add(run)
            recipe = settings["models"][run[1]]
            embedding = settings["features"][recipe["features"]].get("model", {})
            for pretrained in (recipe["pretrained"], embedding.get("pretrained")):
                if pretrained and (before := workflow_run(pretrained, results_folder(settings))):
                    waiting.append((before["dataset"], before["model"]))
    return found


def overlay_of_study(folder: str | Path, overlay: Config, arguments: Config | None = None) -> Config:
    """What a study's configuration says that the library does not: laid over the library, it is the same study.

    Args:
        folder, overlay, arguments: see :func:`soundbench.config.check.read_configuration`.
    """
    library = read_library(folder)
    return difference(merged_configuration(library, overlay, arguments), library)


def difference(config: Config, base: Config) -> Config:
    """The keys of ``config`` whose values differ from those in ``base``, at every depth."""
    found: Config = {}
    for key, value in config.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            if inner := difference(value, below):
                found[key] = inner
        elif key not in base or value != below:
            found[key] = value
    return found
