"""The part of the configuration that a study uses: the library holds many entries that it does not."""

from __future__ import annotations

from typing import Any

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
