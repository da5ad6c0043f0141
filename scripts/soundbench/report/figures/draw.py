"""All figures of a study, drawn in one process: they share its start-up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soundbench.core.storage import atomic_folder
from soundbench.report.figures.registry import FIGURES, Figure, figure_path
from soundbench.report.results import Results


def draw_figures(results: Results, folder: str | Path) -> None:
    """Draw every figure that a study has into a folder, as SVG; :func:`figure_path` says where it lies there.

    A figure's function writes nothing where there is nothing to show.
    """
    with atomic_folder(folder) as temporary:
        for name, own, dataset, model in study_figures(results):
            draw_figure(FIGURES[name], own, temporary / figure_path(name, dataset, model), dataset, model)


def study_figures(results: Results) -> Iterator[tuple[str, Results, str, str]]:
    """Name, results, data set and model of each figure that a study has; empty where the figure names none.

    A figure shows the data sets whose task has it. One without its table, or without any run, is left out. In a large
    study, figures per data set and model, or with a panel of each, show :meth:`Results.best`.
    """
    for name, figure in FIGURES.items():
        suited = results.with_item(name)
        if any(len(getattr(suited, names)) < 2 for names in figure.several):
            continue
        if figure.of_pairs:
            suited = suited.best()
        of_dataset, of_model = ("dataset" in figure.each, "model" in figure.each)
        drawn = {(of_dataset * dataset, of_model * model): None for dataset, model in suited.pairs}
        for dataset, model in drawn:
            own = suited.of(dataset, model)
            known = values(figure, own, dataset, model)
            wanted = [parameter for parameter in figure.parameters if parameter != "path"]
            if all(known.get(parameter) for parameter in wanted) and own.metrics:
                yield name, own, dataset, model


def values(figure: Figure, results: Results, dataset: str, model: str) -> dict[str, Any]:
    """What the function of a figure may read, by the names of its parameters.

    ``key`` and ``names`` say what differs from panel to panel of a figure that is drawn per data set or per model.
    """
    own = results.of(dataset, model)
    of_models = "dataset" in figure.each
    return {
        **results.tables,
        "metrics": own.metrics,
        "predictions": own.predictions,
        "histories": own.histories,
        "explanations": own.explanations,
        "clips": results.clips.get(dataset),
        "curves": results.curves,
        "steps": results.steps,
        "training_clips": results.training_clips
        if "training_clips" in figure.parameters
        else {},  # read from all splits
        "dataset": dataset,
        "model": model,
        "datasets": results.datasets,
        "sources": results.sources,
        "models": results.models,
        "metric": results.ranked_by(dataset) if dataset in results.tasks else results.metric,
        "ranked": {name: results.ranked_by(name) for name in results.datasets},
        "task": results.tasks.get(dataset),
        "key": "model" if of_models else "dataset",
        "names": results.models if of_models else results.datasets,
    }


def draw_figure(figure: Figure, results: Results, path: Path, dataset: str = "", model: str = "") -> None:
    """Draw one figure of a study."""
    figure.draw(values(figure, results, dataset, model) | {"path": str(path)})
