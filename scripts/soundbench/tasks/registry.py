"""All tasks by name, and the metrics of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soundbench.tasks.metric import Metric
from soundbench.tasks.multi_label import MultiLabel
from soundbench.tasks.regression import Regression
from soundbench.tasks.single_label import SingleLabel
from soundbench.tasks.task import Task

TASKS: dict[str, type[Task]] = {task.name: task for task in (SingleLabel, MultiLabel, Regression)}
DEFAULT = SingleLabel.name


def task_class(settings: Mapping[str, Any]) -> type[Task]:
    """The task of a view, a run's record or a model's description; those without ``task`` are older than tasks."""
    return TASKS[settings.get("task", DEFAULT)]


def trained_task(description: Mapping[str, Any]) -> Task:
    """The task of a trained model, by its description."""
    return task_class(description)(description["labels"], description.get("fitted"))


def all_metrics() -> dict[str, Metric]:
    """The metrics of all tasks, by name."""
    return {name: metric for task in TASKS.values() for name, metric in task.metrics.items()}


def all_losses() -> list[str]:
    """The losses of all tasks, each once."""
    return list(dict.fromkeys(name for task in TASKS.values() for name in task.losses))


def find_metric(name: str) -> Metric:
    """The metric of any task with this name."""
    return all_metrics()[name]


def ranking_metric(task: type[Task], metric: str) -> str:
    """The metric that ranks the models of a data set: the configured one, or its task's first if it has not that."""
    return metric if metric in task.metrics else next(iter(task.metrics))


def enumerations() -> dict[str, list[str | None]]:
    """The values of ``task``, ``metric`` and ``loss`` in the schemas of the configuration."""
    return {"task": list(TASKS), "metric": list(all_metrics()), "loss": [*all_losses(), None]}
