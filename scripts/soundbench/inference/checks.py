"""Checks of the entries of ``predict`` that the schema cannot express, made before any job starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.schema import unknown_name
from soundbench.data.files import is_plain
from soundbench.inference.recordings import place_problem
from soundbench.models.saved import find_models
from soundbench.tasks.registry import task_class


def prediction_problems(
    where: str,
    entry: dict[str, Any],
    names: dict[str, list[str]],
    views: dict[str, Any],
) -> Iterator[str]:
    """The problems of an entry of ``predict``.

    Args:
        where: the key of the entry.
        names: the names in each part of the library.
        views: the well-formed data sets of the library.
    """
    for number, place in enumerate(entry["recordings"]):
        if problem := place_problem(place):
            yield f"{where}.recordings.{number}: {problem}"
    model = entry["model"]
    if isinstance(model, str):
        if not is_plain(model):
            yield f"{where}.model: {model} holds one of {{ }} < >; rename the folder, or use a link to it"
        try:
            find_models(model)
        except InputError as error:
            yield from (f"{where}.model: {problem}" for problem in error.problems)
            yield f"{where}.model: to train a model first, write {{dataset: NAME, model: NAME}}"
        return
    if (model.get("model") is None) == (model.get("best") is None):
        yield f"{where}.model: give either `model`, the name of the model, or `best`, to choose the best one"
    if model.get("best") is not None and model.get("seed") is not None:
        yield f"{where}.model.seed: leave it out; with `best`, models of all seeds are compared and averaged"
    for key, part in (("dataset", "datasets"), ("model", "models")):
        if (name := model.get(key)) is not None and name not in names[part]:
            yield unknown_name(f"{where}.model.{key}", name, names[part])
    view = views.get(model["dataset"])
    if view and task_class(view).predicted == "numbers":
        yield (
            f"{where}.model.dataset: {model['dataset']} has the task {view['task']}, whose predictions have no page; "
            "use soundbench-predict for a table of them"
        )
    if model.get("best") is not None and view and view["split"]["protocol"] != "nested":
        yield (
            f"{where}.model.best: {model['dataset']} has the protocol {view['split']['protocol']}, which has no "
            "validation loss, so no model can be chosen; name the model, or a data set with the nested protocol"
        )


def predicting_datasets(entries: dict[str, Any]) -> list[str]:
    """The data sets whose models the entries of ``predict`` name."""
    return [entry["model"]["dataset"] for entry in entries.values() if isinstance(entry["model"], dict)]
