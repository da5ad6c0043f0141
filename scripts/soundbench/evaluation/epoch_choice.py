"""What a published score owes to the choice of its epoch.

Many recipes test the network after every epoch and report the best of these scores. That is a choice on the test
clips. Here it is computed after training, beside the two honest rules: the last epoch, and the epoch with the lowest
validation loss. The results are for reading alone: no rule that trains or chooses has them among its inputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.storage import write_csv
from soundbench.evaluation.leaderboard import Plan, run_of
from soundbench.tasks.metric import Metric
from soundbench.tasks.registry import ranking_metric, task_class

RULES = ("last", "validation", "test")
COLUMNS = ["dataset", "model", "protocol", "seed", "fold", "metric", "epochs"]
COLUMNS += [f"{rule}{part}" for rule in RULES for part in ("_epoch", "")]


def aggregate_epochs(tables: Iterable[str], plan: Plan, metric: str, output: str) -> None:
    """Write one row per run and fold: for each rule the epoch that it chooses and its score on the test clips.

    Args:
        tables: what :func:`soundbench.evaluation.epochs.evaluate_epochs` wrote for each fold of each run.
        metric: the one that models are ranked by.
    """
    rows = []
    for path in tables:
        dataset, model, seed = run_of(Path(path).parent)
        view = plan["datasets"][dataset]
        task = task_class(view)
        name = ranking_metric(task, metric)
        run = {"dataset": dataset, "model": model, "protocol": view["protocol"], "seed": seed, "metric": name}
        epochs = pd.read_csv(path)
        fold = {"fold": epochs["fold"].iloc[0], "epochs": len(epochs)}
        rows.append(run | fold | choices(epochs, name, task.metrics[name]))
    write_csv(output, pd.DataFrame(rows, columns=COLUMNS))


def choices(epochs: pd.DataFrame, name: str, metric: Metric) -> dict[str, Any]:
    """For each of :data:`RULES` the epoch that it chooses, and the score there; none without validation clips.

    Args:
        epochs: one row per epoch of one fold.
        name: the column of the score.
    """
    scores = epochs[name] if metric.higher_is_better else -epochs[name]
    chosen = {
        "last": epochs["epoch"].idxmax(),
        "validation": epochs["val_loss"].idxmin() if epochs["val_loss"].notna().any() else None,
        "test": scores.idxmax() if scores.notna().any() else None,
    }
    found: dict[str, Any] = {}
    for rule, row in chosen.items():
        found[f"{rule}_epoch"] = None if row is None else int(epochs.loc[row, "epoch"])
        found[rule] = None if row is None else float(epochs.loc[row, name])
    return found
