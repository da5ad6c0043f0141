"""Checks of selected models and views against the task of each selected data set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from soundbench.core.schema import as_mapping
from soundbench.models.ensembles import trained_models
from soundbench.models.families import FAMILIES, is_fitted
from soundbench.tasks.multi_label import EACH, MultiLabel
from soundbench.tasks.registry import DEFAULT, task_class
from soundbench.tasks.regression import Regression

Config = dict[str, Any]


def task_problems(library: Config, chosen: dict[str, list[Any]]) -> Iterator[str]:
    """The problems of models that cannot be trained for the task of a data set, and of views that it does not allow.

    Args:
        library: the well-formed entries of the configuration, with ``ensembles`` apart.
        chosen: the selected ``datasets`` and ``models``.
    """
    names = trained_models(library["ensembles"], chosen["models"])
    models = {name: library["models"][name] for name in names if name in library["models"]}
    for dataset in [name for name in chosen["datasets"] if name in library["datasets"]]:
        view = library["datasets"][dataset]
        yield from _view_problems(dataset, view)
        for name, recipe in models.items():
            yield from _model_problems(name, recipe, dataset, view)


def _model_problems(name: str, recipe: Config, dataset: str, view: Config) -> Iterator[str]:
    task = task_class(view)
    if is_fitted(recipe["family"]):
        if task.fitted_by == "regressors" and not FAMILIES.defines(recipe["family"], "build_regressor"):
            able = [family for family in FAMILIES.names if FAMILIES.defines(family, "build_regressor")]
            yield (
                f"models.{name}: {recipe['family']} predicts labels, but {dataset} has the task {task.name}; choose a "
                f"network or one of {', '.join(able)}"
            )
        return
    for effect, value in recipe["training"]["augment"].items():
        if task is not MultiLabel and isinstance(value, dict) and value.get("labels") == "union":
            where = f"models.{name}.training.augment.{effect}.labels"
            yield f"{where}: union is for the task multi-label, but {dataset} has the task {task.name}"
    loss = recipe["training"].get("loss")
    if loss is not None and loss not in task.losses:
        yield (
            f"models.{name}.training.loss: {loss} is not a loss of the task {task.name} of {dataset}; choose one of "
            f"{', '.join(task.losses)}"
        )


def fill_values(config: Config) -> Config:
    """A configuration in which views of the task regression have the ``values`` of their source, if they name none."""
    sources = as_mapping(config.get("sources"))
    datasets = dict(as_mapping(config.get("datasets")))
    for name, view in datasets.items():
        view = as_mapping(view)
        values = as_mapping(sources.get(str(view.get("source")))).get("values")
        if values and view.get("task") == Regression.name and "values" not in view:
            datasets[name] = view | {"values": values}
    return config | {"datasets": datasets} if datasets else config


def _view_problems(dataset: str, view: Config) -> Iterator[str]:
    task = task_class(view)
    if task is Regression and not view.get("values"):
        yield f"datasets.{dataset}.values: is missing; name the columns of numbers to predict"
    if task is not Regression and view.get("values"):
        yield f"datasets.{dataset}.values: is for the task regression, but the task is {task.name}"
    for key in [key for key in ("keep", "drop", "merge") if task is Regression and view.get(key)]:
        yield f"datasets.{dataset}.{key}: chooses labels, but the task is regression; leave it out"
    if view["thresholds"] == EACH and task is not MultiLabel:
        yield f"datasets.{dataset}.thresholds: is for the task multi-label, but the task is {task.name}"
    elif view["thresholds"] == EACH and view["split"]["protocol"] == "literature":
        yield f"datasets.{dataset}.thresholds: needs validation clips, which the protocol literature does not have"
    for number in [number for number, rule in enumerate(view["augment"]) if rule["values"] and task is not Regression]:
        yield f"datasets.{dataset}.augment.{number}.values: is for the task regression, but the task is {task.name}"
    if task.name == DEFAULT:
        return
    for number, rule in enumerate(view["augment"]):
        for key in [key for key in ("labels", "balance") if rule[key]]:
            yield (
                f"datasets.{dataset}.augment.{number}.{key}: needs one label per clip, but the task is {view['task']}; "
                "leave it out"
            )
