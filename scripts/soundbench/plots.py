"""Figures. One style, and one colour a model wherever it appears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from soundbench.storage import atomic_path, read_json

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

# M. Okabe and K. Ito, "Color universal design", 2008: told apart by the colour-blind too.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
STYLE = {
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
    "svg.hashsalt": "soundbench",  # the same figure is the same bytes
}
METRIC_NAMES = {"accuracy": "accuracy", "uar": "unweighted average recall", "macro_f1": "macro F1"}


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """A colour a model, by its place in the configuration."""
    return {model: PALETTE[number % len(PALETTE)] for number, model in enumerate(models)}


@contextmanager
def figure(path: str | Path, columns: int, width: float, height: float) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure of ``columns`` panels, each ``width`` × ``height`` inches, saved atomically after the block."""
    with plt.rc_context(STYLE):
        canvas, axes = plt.subplots(1, columns, figsize=(width * columns, height), squeeze=False)
        yield canvas, axes[0]
        with atomic_path(path) as temporary:
            canvas.savefig(temporary, metadata={"Date": None})
        plt.close(canvas)


def plot_scores(scores: str, leaderboard: str, models: list[str], metric: str, path: str) -> None:
    """Compare models, a panel a data set and protocol: a dot a fold and seed, the mean, and its interval."""
    rows, board, colours = pd.read_csv(scores), pd.read_csv(leaderboard), model_colours(models)
    panels = board[["dataset", "protocol"]].drop_duplicates()
    height = 1.3 + 0.55 * board.groupby(["dataset", "protocol"]).size().max()
    with figure(path, len(panels), 5.2, height) as (_, axes):
        for axis, (dataset, protocol) in zip(axes, panels.itertuples(index=False), strict=True):
            here = board[(board["dataset"] == dataset) & (board["protocol"] == protocol)].iloc[::-1]
            for place, entry in enumerate(here.itertuples()):
                dots = rows[(rows["dataset"] == dataset) & (rows["model"] == entry.model)][metric]
                jitter = np.linspace(-0.16, 0.16, len(dots))
                colour = colours[entry.model]
                axis.plot(100 * dots, place + jitter, "o", color=colour, alpha=0.35, markersize=4, markeredgewidth=0)
                interval = [100 * entry.interval_low, 100 * entry.interval_high]
                axis.plot(interval, [place, place], color=colour, linewidth=3, solid_capstyle="butt")
                axis.plot(100 * entry.mean, place, "D", color=colour, markersize=8, markeredgecolor="white")
                label = f"{100 * entry.mean:.1f} %"
                axis.annotate(label, (100 * entry.mean, place), (0, 9), textcoords="offset points", ha="center")
            axis.set_yticks(range(len(here)), here["model"])
            axis.set_ylim(-0.5, len(here) - 0.3)
            axis.set_xlabel(f"{METRIC_NAMES[metric]} (%)")
            axis.set_title(f"{dataset} ({protocol})")
            axis.grid(axis="x", alpha=0.3)


def _mean_shares(runs: list[dict]) -> np.ndarray:
    counts = sum(np.array(run["confusion"]) for run in runs)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def plot_confusion(metrics: list[str], models: list[str], path: str) -> None:
    """Confusion matrices of one data set, a panel a model: row shares over all folds and seeds."""
    runs = [read_json(name) for name in metrics]
    labels = runs[0]["labels"]
    side = max(3.2, 0.36 * len(labels) + 1.6)
    with figure(path, len(models), side, side) as (canvas, axes):
        for axis, model in zip(axes, models, strict=True):
            shares = 100 * _mean_shares([run for run in runs if run["model"] == model])
            image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=100)
            for (row, column), share in np.ndenumerate(shares):
                if share >= 1 and len(labels) <= 20:
                    shade = "white" if share > 55 else "black"
                    axis.text(column, row, f"{share:.0f}", ha="center", va="center", color=shade, fontsize=8)
            axis.set_xticks(range(len(labels)), labels, rotation=90)
            axis.set_yticks(range(len(labels)), labels if axis is axes[0] else [""] * len(labels))
            axis.set_title(model)
            axis.set_xlabel("predicted")
            axis.spines[:].set_visible(False)
        axes[0].set_ylabel("true")
        canvas.colorbar(image, ax=list(axes), label="share of the true class (%)", shrink=0.7)


def plot_training(histories: list[str], models: list[str], path: str) -> None:
    """Training curves of one data set, a panel a model: each run's loss an epoch, thin, and their mean.

    Args:
        histories: ``…/{model}/seed{seed}/fold{fold}/history.csv`` of every run.
    """
    colours = model_colours(models)
    tables = [pd.read_csv(name).assign(run=name, model=Path(name).parents[2].name) for name in histories]
    epochs = pd.concat(tables)
    with figure(path, len(models), 4.6, 3.4) as (_, axes):
        for axis, model in zip(axes, models, strict=True):
            runs = epochs[epochs["model"] == model]
            for part, colour, name in (("train", "0.55", "training"), ("val", colours[model], "validation")):
                if f"{part}_loss" not in runs:
                    continue
                curves = runs.pivot(index="epoch", columns="run", values=f"{part}_loss")
                axis.plot(curves.index, curves, color=colour, alpha=0.25, linewidth=0.7)
                # Beyond the epoch at which half of the runs have stopped, a mean would be that of the slow ones.
                mean = curves.mean(axis=1)[curves.notna().mean(axis=1) >= 0.5]
                axis.plot(mean.index, mean, color=colour, linewidth=2.2, label=name)
            axis.set_title(f"{model} ({runs['run'].nunique()} runs)")
            axis.set_xlabel("epoch")
            axis.set_ylim(bottom=0)
            axis.legend()
        axes[0].set_ylabel("loss (cross-entropy)")
