"""Learning curves of data: one view per number of training clips, and views that differ in nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from soundbench.core.storage import canonical_json

Entry = dict[str, Any]

ALL = "all"  # the size of a training part that is not limited


def training_sizes(view: Mapping[str, Any]) -> list[int | str]:
    """The numbers of training clips of a view that lists several; empty for any other view."""
    sizes = (view.get("limit") or {}).get("train")
    return sizes if isinstance(sizes, list) else []


def view_names(name: str, view: Mapping[str, Any]) -> list[str]:
    """The names of the views that a view stands for: ``NAME-train50`` per size, its own for ``all`` or for no list."""
    return [name if size == ALL else f"{name}-train{size}" for size in training_sizes(view)] or [name]


def size_problems(datasets: Mapping[str, Entry]) -> Iterator[str]:
    """The problems of views that list sizes: a view of another entry has the name of one of them."""
    for name, view in datasets.items():
        for each in view_names(name, view):
            if each != name and each in datasets:
                yield f"datasets.{name}.limit.train: makes a data set {each}, but there is one already; rename it"


def split_sizes(config: Entry) -> Entry:
    """The configuration with one view per number of training clips instead of a list of numbers.

    Where ``benchmark`` selects a view with a list, it selects these views. The view itself stays, with all its training
    clips, for predictions, transfer and what else names it.

    Args:
        config: the checked configuration.
    """
    listed = config["datasets"]
    views = {}
    for name, view in listed.items():
        views[name] = _with_size(view, ALL) if training_sizes(view) else view
        for each, size in zip(view_names(name, view), training_sizes(view), strict=False):
            views[each] = _with_size(view, size)
    selected = config["benchmark"]
    datasets = [each for name in selected["datasets"] for each in view_names(name, listed[name])]
    return config | {"datasets": views, "benchmark": selected | {"datasets": datasets}}


def _with_size(view: Entry, size: int | str) -> Entry:
    """A view with one number of training clips; without the key where nothing is limited, as if it had never been."""
    rest = {role: count for role, count in view["limit"].items() if role != "train"}
    limit = rest if size == ALL else rest | {"train": size}
    without = {key: value for key, value in view.items() if key != "limit"}
    return without | {"limit": limit} if limit else without


def without_smaller(views: Mapping[str, Entry]) -> list[str]:
    """The names of views; of those that differ in the number of training clips only, the one with most of them."""

    def size(name: str) -> float:
        return float((views[name].get("limit") or {}).get("train", math.inf))

    smaller = {name for names in learning_curves(views) for name in names if name != max(names, key=size)}
    return [name for name in views if name not in smaller]


def learning_curves(views: Mapping[str, Entry]) -> list[list[str]]:
    """The names of views that differ in the number of training clips only, where there are several."""
    found: dict[str, list[str]] = {}
    for name, view in views.items():
        same = _with_size(view, ALL) if view.get("limit") else view
        found.setdefault(canonical_json(same), []).append(name)
    return [names for names in found.values() if len({canonical_json(views[name]) for name in names}) > 1]
