"""One label per clip, out of several: the network gives a probability to each, and the highest decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soundbench.tasks.classification import (
    METRICS,
    accuracy,
    calibration_bins,
    calibration_error,
    class_counts,
    class_scores,
    confusion,
    group_counts,
    log_loss,
    top_k_accuracy,
    uar,
)
from soundbench.tasks.evidence import Counts
from soundbench.tasks.labels import check_names, select_labels
from soundbench.tasks.task import Task

if TYPE_CHECKING:
    from torch import Tensor

TOP = 3
LEAST = 1e-6  # of a probability, before its logarithm is taken, so that a 0 of one member does not decide alone
MANY_CLASSES = 10  # with more classes than this, top-k accuracy is reported


class SingleLabel(Task):
    """One label per clip. Targets are class numbers ``(clips,)``, values are probabilities ``(clips, classes)``."""

    name = "single-label"
    metrics = METRICS
    losses = ("cross_entropy", "focal")
    progress = "accuracy"
    curves = (("loss (cross-entropy)", 1), ("accuracy (%)", 100))
    report = frozenset(
        {
            *("confusion", "matrices", "steps", "calibration", "mistakes", "samples", "explanations", "confounds"),
            *("classes", "confusions", "groups"),
        }
    )
    scored_columns = ("label", "predicted")

    @classmethod
    def truth_columns(cls, clips: pd.DataFrame) -> list[str]:
        """The column ``label``."""
        return ["label"]

    @classmethod
    def find_labels(cls, clips: pd.DataFrame) -> list[str]:
        """The labels, sorted."""
        return sorted(set(clips["label"]))

    @classmethod
    def select(cls, clips: pd.DataFrame, view: Mapping[str, Any]) -> pd.DataFrame:
        """See :func:`soundbench.tasks.labels.select_labels`; two labels must remain, with names of their own."""
        clips = select_labels(clips, view)
        check_names(cls.find_labels(clips))
        return clips

    @classmethod
    def strata(cls, clips: pd.DataFrame) -> pd.DataFrame:
        """One column per label."""
        return pd.get_dummies(clips["label"], dtype=int)

    def encode(self, clips: pd.DataFrame) -> np.ndarray:
        """Class numbers ``(clips,)``."""
        return np.array([self.labels.index(label) for label in clips["label"]], dtype=np.int64)

    def shares(self, targets: Tensor) -> Tensor:
        """Shares of classes ``(batch, classes)``: 1 for the class, 0 for all others."""
        if targets.dim() == 2:
            return targets
        shares = targets.new_zeros((len(targets), len(self.labels))).float()
        return shares.scatter_(1, targets[:, None], 1.0)

    def count(self, targets: Tensor) -> Tensor:
        """The examples of each class."""
        return targets.bincount(minlength=len(self.labels))

    def progress_sum(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The number of clips that are classified correctly."""
        return (outputs.argmax(dim=1) == targets).sum()

    def activate(self, outputs: Tensor) -> Tensor:
        """Probabilities that sum to 1."""
        return outputs.softmax(dim=1)

    def logits(self, values: np.ndarray) -> np.ndarray:
        """Logarithms of probabilities, which are not taken below :data:`LEAST`."""
        return np.log(values.clip(min=LEAST))

    def decide(self, values: np.ndarray) -> pd.DataFrame:
        """``predicted``, the most probable label; the first of equals."""
        return pd.DataFrame({"predicted": [self.labels[best] for best in values.argmax(axis=1)]})

    def rank(self, values: np.ndarray, count: int) -> np.ndarray:
        """The most probable labels, best first; the first of equals."""
        return np.argsort(-values, kind="stable")[:count]

    def baseline(self, clips: pd.DataFrame) -> np.ndarray:
        """The share of each label, so that the most frequent one is predicted."""
        return clips["label"].value_counts(normalize=True).reindex(self.labels, fill_value=0.0).to_numpy()

    def scores(self, table: pd.DataFrame) -> dict[str, float]:
        """All metrics, the log loss and the calibration error; with many classes the top-3 accuracy too."""
        counts = class_counts(confusion(table["label"], table["predicted"], self.labels))
        truth, probabilities = self._numbers(table)
        found = {name: float(metric.compute(counts)) for name, metric in METRICS.items()}
        found |= {
            "log_loss": log_loss(truth, probabilities),
            "calibration_error": calibration_error(calibration_bins(truth, probabilities)),
        }
        if len(self.labels) > MANY_CLASSES:
            found[f"top{TOP}"] = top_k_accuracy(truth, probabilities, TOP)
        return found

    def details(self, table: pd.DataFrame, groups: pd.Series) -> dict[str, Any]:
        """Scores of each class and group, the reliability diagram and the confusion matrix."""
        counts = confusion(table["label"], table["predicted"], self.labels)
        columns = class_scores(class_counts(counts))
        return {
            "classes": [
                {"label": label, **{name: values[number].item() for name, values in columns.items()}}
                for number, label in enumerate(self.labels)
            ],
            "calibration": calibration_bins(*self._numbers(table)),
            "groups": group_scores(table, groups),
            "confusion": counts.tolist(),
        }

    @classmethod
    def class_scores(cls, runs: list[dict[str, Any]]) -> pd.DataFrame:
        """The scores of the confusion counts summed over the runs."""
        found = class_scores(class_counts(np.sum([run["confusion"] for run in runs], axis=0)))
        return pd.DataFrame({"label": runs[0]["labels"], **found, "support": found["support"] // len(runs)})

    @classmethod
    def evidence(cls, tables: list[pd.DataFrame], positions: list[np.ndarray], groups: int) -> Counts:
        """Counts ``(seeds, groups, 3, classes)`` over the labels that occur."""
        names = [table[column].to_numpy() for column in ("label", "predicted") for table in tables]
        numbers, labels = pd.factorize(np.concatenate(names), sort=True)
        truth, predicted = np.split(numbers, 2)
        # The groups of all seeds are counted at once.
        of_seeds = np.concatenate([position + seed * groups for seed, position in enumerate(positions)])
        counts = group_counts(truth, predicted, len(labels), of_seeds, len(tables) * groups)
        return Counts(counts.reshape(len(tables), groups, *counts.shape[1:]), METRICS)

    @classmethod
    def correct(cls, table: pd.DataFrame) -> pd.Series:
        """Whether the predicted label is the true one."""
        return pd.Series(table["label"].to_numpy() == table["predicted"].to_numpy(), table.index)

    def _numbers(self, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """True class numbers ``(clips,)`` and probabilities ``(clips, classes)``."""
        return pd.Index(self.labels).get_indexer(table["label"]), table[self.labels].to_numpy()


def group_scores(table: pd.DataFrame, groups: pd.Series) -> list[dict[str, Any]]:
    """Clips, accuracy and UAR of each group, if most groups hold several classes, as people and places do.

    A recording that was cut into clips holds one class: its score would mean little, and the list is empty.
    """
    named = table.assign(group=groups.loc[table["clip"]].to_numpy())
    parts = named.groupby("group")
    if (parts["label"].nunique() > 1).mean() <= 0.5:
        return []
    labels = sorted(set(named["label"]))
    rows = []
    for group, part in parts:
        counts = class_counts(confusion(part["label"], part["predicted"], sorted({*labels, *part["predicted"]})))
        found = {"accuracy": float(accuracy(counts)), "uar": float(uar(counts))}
        rows.append({"group": group, "clips": len(part), **found})
    return rows
