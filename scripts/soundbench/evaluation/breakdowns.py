"""Tables that explain a score: by class, by confused pair and by speaker, and what the model costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.storage import read_json, write_csv
from soundbench.evaluation.fold_costs import gpu_seconds
from soundbench.evaluation.leaderboard import LEADERBOARD_KEYS, Plan, planned
from soundbench.tasks.classification import row_shares
from soundbench.tasks.registry import task_class

COST_COLUMNS = [
    *LEADERBOARD_KEYS,
    "runs",
    "parameters",
    "model_megabytes",
    "train_seconds",
    "train_cpu_seconds",
    "train_gpu_seconds",
    "train_megabytes",
    "predict_milliseconds",
    "predict_megabytes",
    "device",
]

Records = dict[tuple[str, str, str], list[dict[str, Any]]]


def read_records(metrics: list[str]) -> Records:
    """The ``metrics.json`` of all runs, by data set, model and protocol."""
    found: Records = {}
    for path in metrics:
        run = read_json(path)
        found.setdefault(tuple(run[name] for name in LEADERBOARD_KEYS), []).append(run)
    return found


def pooled_confusion(runs: list[dict[str, Any]]) -> np.ndarray:
    """Confusion counts summed over seeds, ``(classes, classes)``."""
    return np.sum([run["confusion"] for run in runs], axis=0)


def class_order(counts: np.ndarray) -> np.ndarray:
    """An order of the classes in which those that are confused are neighbours, ``(classes,)``.

    Average linkage on the mutual confusion, leaves ordered optimally (Z. Bar-Joseph et al., Bioinformatics 17, 2001).
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    shares = row_shares(counts)
    distance = 1 - (shares + shares.T) / 2
    np.fill_diagonal(distance, 0)
    return leaves_list(linkage(squareform(distance), "average", optimal_ordering=True))


def class_table(records: Records) -> pd.DataFrame:
    """One row per class and model: precision, recall, F1 over all seeds, and the clips of the class."""
    parts = []
    for key, runs in records.items():
        table = task_class(runs[0]).class_scores(runs)
        parts.append(table.assign(**dict(zip(LEADERBOARD_KEYS, key, strict=True)), seeds=len(runs)))
    return _joined(parts, ["label", "precision", "recall", "f1", "support", "seeds"])


def confusion_table(records: Records) -> pd.DataFrame:
    """One row per model and pair of confused classes: the number of clips, and their share of the true class."""
    parts = []
    for key, runs in records.items():
        counts = pooled_confusion(runs)
        labels = np.array(runs[0]["labels"])
        shares = row_shares(counts)
        rows, columns = np.nonzero(counts * (1 - np.eye(len(labels), dtype=int)))
        pairs = {"label": labels[rows], "predicted": labels[columns]}
        table = pd.DataFrame({**pairs, "clips": counts[rows, columns], "share": shares[rows, columns]})
        table = table.sort_values(["clips", "share"], ascending=False, kind="stable")
        parts.append(table.assign(**dict(zip(LEADERBOARD_KEYS, key, strict=True)), seeds=len(runs)))
    return _joined(parts, ["label", "predicted", "clips", "share", "seeds"])


def group_table(records: Records) -> pd.DataFrame:
    """One row per model and speaker (or other group of several classes or clips): mean scores over seeds, worst first.

    The scores are those that the tasks of the runs give of groups; ``accuracy`` and ``uar`` if there is no group.
    """
    parts = []
    scores: dict[str, None] = {}
    for key, runs in records.items():
        rows = pd.DataFrame([group for run in runs for group in run["groups"]])
        if len(rows):
            found = [name for name in rows if name not in ("group", "clips")]
            scores |= dict.fromkeys(found)
            better = task_class(runs[0]).metrics[found[0]].higher_is_better
            table = rows.groupby("group").mean().astype({"clips": int}).sort_values(found[0], ascending=better)
            names = dict(zip(LEADERBOARD_KEYS, key, strict=True))
            parts.append(table.reset_index().assign(**names, seeds=len(runs)))
    return _joined(parts, ["group", "clips", *(scores or ("accuracy", "uar")), "seeds"])


def _joined(parts: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    columns = [*LEADERBOARD_KEYS, *columns]
    return pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)


def aggregate_details(metrics: list[str], classes: str, confusions: str, groups: str) -> None:
    """Write the tables of classes, of confused pairs and of speakers of all runs whose tasks have them."""
    records = read_records(metrics)
    write_csv(classes, class_table(_with("classes", records)))
    write_csv(confusions, confusion_table(_with("confusions", records)))
    write_csv(groups, group_table(_with("groups", records)))


def _with(table: str, records: Records) -> Records:
    """The runs whose task has a table of details."""
    return {key: runs for key, runs in records.items() if table in task_class(runs[0]).report}


def average_predictions(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """The mean probabilities of each clip over seeds: ``label, predicted, probability, given, wrong``, by clip.

    ``predicted`` has the highest mean, ``probability``; ``given`` is the mean of the true class; ``wrong`` counts the
    seeds that were wrong.
    """
    labels = list(tables[0].columns[4:])
    probabilities = sum(table.set_index("clip")[labels] for table in tables) / len(tables)
    truth = tables[0].set_index("clip")["label"].loc[probabilities.index]
    wrong = sum((table["label"] != table["predicted"]).set_axis(table["clip"]).astype(int) for table in tables)
    rows = range(len(probabilities))
    return pd.DataFrame(
        {
            "label": truth,
            "predicted": probabilities.idxmax(axis=1),
            "probability": probabilities.max(axis=1),
            "given": probabilities.to_numpy()[rows, pd.Index(labels).get_indexer(truth)],
            "wrong": wrong.loc[probabilities.index],
        }
    )


def runs_by(key: str, names: list[str], metrics: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The runs of each ``dataset`` or ``model`` (the ``key``) that has any, in the order of ``names``."""
    runs = [read_json(file) for file in metrics]
    found = {name: [run for run in runs if run[key] == name] for name in names}
    return {name: own for name, own in found.items() if own}


def by_model(metrics: list[str], models: list[str]) -> dict[str, list[dict[str, Any]]]:
    """The runs of each model that has any, in the order of ``models``."""
    return runs_by("model", models, metrics)


def cost_table(records: Records, plan: Plan) -> pd.DataFrame:
    """One row per data set × model × protocol: the mean cost of training a fold and of predicting a clip.

    Memory is the largest that a job had; for an ensemble, a job of its members.
    """
    rows = []
    for key in planned(plan):
        runs = records.get(key, [])
        row: dict[str, Any] = dict(zip(LEADERBOARD_KEYS, key, strict=True)) | {"runs": len(runs)}
        if runs:
            folds = [fold for run in runs for fold in run["folds"]]
            row |= {
                "parameters": runs[0]["parameters"],
                "model_megabytes": runs[0]["model_bytes"] / 1e6,
                "train_seconds": np.mean([fold["train_seconds"] for fold in folds]),
                "train_cpu_seconds": np.mean([fold["cpu_seconds"] for fold in folds]),
                "train_gpu_seconds": np.mean([gpu_seconds(fold) for fold in folds]),
                "train_megabytes": max(fold["megabytes"] for fold in folds),
                "predict_milliseconds": 1000
                * sum(run["predict_seconds"] for run in runs)
                / sum(fold["clips"] for fold in folds),
                "predict_megabytes": max(run["predict_megabytes"] for run in runs),
                "device": ", ".join(sorted({fold["device"] for fold in folds})),
            }
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=COST_COLUMNS)


def aggregate_costs(metrics: list[str], plan: Plan, costs: str) -> None:
    """Write the costs of each model: time, memory, parameters, size."""
    write_csv(costs, cost_table(read_records(metrics), plan))
