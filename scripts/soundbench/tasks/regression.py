"""One number per clip, or several: the network gives them in units of their deviation over the training clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.text import shortened_list
from soundbench.tasks.evidence import WeightedClips
from soundbench.tasks.labels import TRUE
from soundbench.tasks.rating import METRICS, SCORES, Rated, target_scores
from soundbench.tasks.task import Task

if TYPE_CHECKING:
    from torch import Tensor

# Columns of tables of predictions.
RESERVED = ("clip", "fold", "label", "group", "seed", "kind", "level", "file", "start", "end", "actual", "predicted")
NAMED = 5  # clips that a message names
GROUP_METRICS = ("mae", "rmse")
QUARTERS = ("lowest", "lower middle", "upper middle", "highest")


class Regression(Task):
    """Numbers per clip. Targets are standardised on the training clips, values are in the unit of the source, both
    ``(clips, targets)``.

    A view has the number ``NAME`` in its column ``true_NAME``; predictions have what is predicted in ``NAME``.
    """

    name = "regression"
    metrics = METRICS
    losses = ("mse", "mae", "ccc")
    progress = "explained"
    curves = (("loss (squared error)", 1), ("share of variance explained", 1))
    predicted = "numbers"
    fitted_by = "regressors"
    values_name = "numbers"
    labels_name = "numbers"
    report = frozenset({"values", "residuals", "groups"})

    @classmethod
    def truth_columns(cls, clips: pd.DataFrame) -> list[str]:
        """The columns ``true_NAME``, in their order."""
        return [name for name in clips if name.startswith(TRUE)]

    @classmethod
    def find_labels(cls, clips: pd.DataFrame) -> list[str]:
        """The names of the targets."""
        return [name.removeprefix(TRUE) for name in cls.truth_columns(clips)]

    @classmethod
    def select(cls, clips: pd.DataFrame, view: Mapping[str, Any]) -> pd.DataFrame:
        """All clips, with the columns that ``values`` of the view names as targets.

        Raises:
            InputError: a column is missing, is named like a column of predictions, or does not hold finite numbers.
        """
        names = list(view.get("values") or ())
        problems = [f"values: the source has no column {name}" for name in names if name not in clips]
        problems += [
            f"values: a target cannot be named {name}; rename the column" for name in names if name in RESERVED
        ]
        if not names:
            problems = ["values: names no column of numbers to predict"]
        if problems:
            raise InputError(problems)
        numbers = clips[names].apply(pd.to_numeric, errors="coerce").astype(float)
        wrong = ~np.isfinite(numbers)
        problems = [
            f"values: {name} is not a finite number in {shortened_list(list(clips.loc[wrong[name], 'clip']), NAMED)}"
            for name in names
            if wrong[name].any()
        ]
        if problems:
            raise InputError(problems)
        others = [name for name in clips if not name.startswith(TRUE)]
        return clips[others].join(numbers.add_prefix(TRUE))

    @classmethod
    def strata(cls, clips: pd.DataFrame) -> pd.DataFrame:
        """None: parts are drawn by their size alone."""
        return pd.DataFrame(index=clips.index)

    @classmethod
    def examples(cls, clips: pd.DataFrame) -> pd.DataFrame:
        """Each clip in its quarter of the first target."""
        name = cls.find_labels(clips)[0]
        quarter = clips[TRUE + name].rank(method="first", pct=True).mul(len(QUARTERS)).sub(1e-9).astype(int)
        return clips.assign(label=[f"{number + 1}: {QUARTERS[number]} {name}" for number in quarter])

    def fit(self, clips: pd.DataFrame) -> None:
        """Find the mean and the deviation of each target.

        Raises:
            InputError: a target is the same in all training clips.
        """
        truth = clips[[TRUE + label for label in self.labels]]
        deviation = truth.std(ddof=0)
        if same := [label for label, found in zip(self.labels, deviation, strict=True) if not found > 0]:
            raise InputError(f"all training clips have the same {' and '.join(same)}, so nothing can be learned")
        self.fitted |= {"mean": truth.mean().to_list(), "deviation": deviation.to_list()}

    def encode(self, clips: pd.DataFrame) -> np.ndarray:
        """Standardised numbers ``(clips, targets)`` float32."""
        truth = clips[[TRUE + label for label in self.labels]].to_numpy(dtype=float)
        return ((truth - self.fitted["mean"]) / self.fitted["deviation"]).astype(np.float32)

    def shares(self, targets: Tensor) -> Tensor:
        """The targets themselves: mixup takes the weighted mean of the numbers of two clips."""
        return targets

    def count(self, targets: Tensor) -> Tensor:
        """The number of examples, the same for each target."""
        return targets.new_full((targets.shape[1],), len(targets))

    def progress_sum(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The sum over clips of 1 minus the squared error in units of the variance of the training clips; the mean over
        clips is 1 for correct predictions and 0 for the mean of the training clips."""
        return (1 - (outputs - targets).square()).mean(dim=1).sum()

    @property
    def units(self) -> np.ndarray:
        """The deviations of the targets over the training clips."""
        return np.array(self.fitted["deviation"])

    def activate(self, outputs: Tensor) -> Tensor:
        """Numbers in the unit of the source."""
        return outputs * outputs.new_tensor(self.fitted["deviation"]) + outputs.new_tensor(self.fitted["mean"])

    def decide(self, values: np.ndarray) -> pd.DataFrame:
        """No columns: the values are the predictions."""
        return pd.DataFrame(index=range(len(values)))

    def rank(self, values: np.ndarray, count: int) -> np.ndarray:
        """All targets, in their order."""
        return np.arange(len(values))

    def baseline(self, clips: pd.DataFrame) -> np.ndarray:
        """The mean of each target."""
        return clips[self.truth_columns(clips)].mean().to_numpy()

    def constant_scores(self, clips: pd.DataFrame) -> dict[str, float]:
        """The mean absolute error of the median of each target, which has the lowest."""
        truth = clips[self.truth_columns(clips)].to_numpy(dtype=float)
        medians = Rated(truth, np.broadcast_to(np.median(truth, axis=0), truth.shape))
        return {"mae": float(METRICS["mae"].compute(medians, np.ones((1, len(truth))))[0])}

    def scores(self, table: pd.DataFrame) -> dict[str, float]:
        """All metrics."""
        clips = _rated(table)
        weights = np.ones((1, len(table)))
        return {name: float(metric.compute(clips, weights)[0]) for name, metric in METRICS.items()}

    def details(self, table: pd.DataFrame, groups: pd.Series) -> dict[str, Any]:
        """The scores of each target, and errors in each group of several clips."""
        clips = _rated(table)
        weights = np.ones((1, len(table)))
        found = {name: target_scores(score, clips, weights)[0] for name, score in SCORES.items()}
        return {
            "targets": [
                {"target": label, **{name: values[number].item() for name, values in found.items()}}
                for number, label in enumerate(self.labels)
            ],
            "groups": group_errors(table, groups),
        }

    @classmethod
    def evidence(cls, tables: list[pd.DataFrame], positions: list[np.ndarray], groups: int) -> WeightedClips:
        """All predictions, since a rank correlation is no function of sums."""
        return WeightedClips([_rated(table) for table in tables], positions, METRICS)


def _rated(table: pd.DataFrame) -> Rated:
    truth = table[Regression.truth_columns(table)]
    return Rated(truth.to_numpy(dtype=float), table[Regression.find_labels(table)].to_numpy(dtype=float))


def group_errors(table: pd.DataFrame, groups: pd.Series) -> list[dict[str, Any]]:
    """Clips, mean absolute error and root mean squared error of each group, if most groups hold several clips.

    Correlations are left out: most groups have few clips, and those of a speaker may hardly differ.
    """
    parts = table.groupby(groups.loc[table["clip"]].to_numpy())
    if (parts.size() > 1).mean() <= 0.5:
        return []
    rows = []
    for group, part in parts:
        weights = np.ones((1, len(part)))
        errors = {name: float(METRICS[name].compute(_rated(part), weights)[0]) for name in GROUP_METRICS}
        rows.append({"group": group, "clips": len(part), **errors})
    return rows
