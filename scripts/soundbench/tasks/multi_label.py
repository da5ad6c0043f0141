"""Several labels per clip, or none: the network gives a probability to each, and a threshold decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soundbench.tasks.evidence import WeightedClips
from soundbench.tasks.labels import RESERVED, SEPARATOR, check_names, select_label_sets
from soundbench.tasks.tagging import METRICS, Tagged, best_threshold, constant_f1, label_scores
from soundbench.tasks.task import Task

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 1e-6  # of a probability and of its complement; see single_label
EACH = "each"  # of `thresholds` in a view: one per label
UNLABELLED = "(no label)"
ADDED = ("seed", "kind", "level")  # columns after the labels in tables of several runs


class MultiLabel(Task):
    """Labels joined by ``;`` in ``label``. Targets are 0 or 1, values are probabilities, both ``(clips, labels)``.

    Predictions have the labels above the threshold in ``predicted``, joined like the true ones.
    """

    name = "multi-label"
    metrics = METRICS
    losses = ("binary_cross_entropy", "binary_focal")
    progress = "ranking_precision"
    curves = (("loss (binary cross-entropy)", 1), ("label-ranking precision (%)", 100))
    predicted = "several"
    view_keys = ("thresholds",)
    fitted_by = "classifiers"
    report = frozenset({"classes", "labels", "label_scores", "occurrences"})

    @classmethod
    def truth_columns(cls, clips: pd.DataFrame) -> list[str]:
        """The column ``label``."""
        return ["label"]

    @classmethod
    def find_labels(cls, clips: pd.DataFrame) -> list[str]:
        """The labels that occur, sorted."""
        return sorted({label for joined in clips["label"] for label in joined.split(SEPARATOR)} - {""})

    @classmethod
    def select(cls, clips: pd.DataFrame, view: Mapping[str, Any]) -> pd.DataFrame:
        """See :func:`soundbench.tasks.labels.select_label_sets`; two labels must remain, with names of their own."""
        clips = select_label_sets(clips, view)
        check_names(cls.find_labels(clips), (*RESERVED, *ADDED))
        return clips

    @classmethod
    def strata(cls, clips: pd.DataFrame) -> pd.DataFrame:
        """One column per label; a clip without labels has no stratum."""
        return pd.DataFrame(_indicators(clips["label"], cls.find_labels(clips)), clips.index, cls.find_labels(clips))

    @classmethod
    def examples(cls, clips: pd.DataFrame) -> pd.DataFrame:
        """One row per clip and label, and one per clip without any."""
        rows = clips.assign(label=clips["label"].str.split(SEPARATOR)).explode("label")
        return rows.assign(label=rows["label"].replace("", UNLABELLED)).reset_index(drop=True)

    def encode(self, clips: pd.DataFrame) -> np.ndarray:
        """Whether a clip has a label, ``(clips, labels)`` float32."""
        return _indicators(clips["label"], self.labels).astype(np.float32)

    def shares(self, targets: Tensor) -> Tensor:
        """The targets themselves: what mixup makes of two clips is a share of the labels of each."""
        return targets

    def count(self, targets: Tensor) -> Tensor:
        """The examples that have each label. A label that none has counts as the rarest other one, so that the weights
        do not remove it from the loss: its probability must still fall."""
        counts = targets.sum(dim=0)
        return counts.clamp(min=counts[counts > 0].min().item() if counts.any() else 1)

    def progress_sum(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The sum over clips of the label-ranking average precision; one without labels counts 1, as in scikit-learn.

        G. Tsoumakas et al., "Mining multi-label data", 2010.
        """
        above = (outputs[:, None, :] >= outputs[:, :, None]).to(outputs.dtype)  # (clips, label, others)
        correct = (above * targets[:, None, :]).sum(dim=2)
        precisions = (targets * correct / above.sum(dim=2)).sum(dim=1)
        labels = targets.sum(dim=1)
        return (precisions / labels.clamp(min=1) + (labels == 0)).sum()

    def activate(self, outputs: Tensor) -> Tensor:
        """Probabilities, each of its own."""
        return outputs.sigmoid()

    def logits(self, values: np.ndarray) -> np.ndarray:
        """Logarithms of odds, of probabilities that are at least :data:`LEAST` from 0 and 1."""
        values = values.clip(min=LEAST, max=1 - LEAST)
        return np.log(values / (1 - values))

    @property
    def thresholds(self) -> np.ndarray:
        """The least probability of each label that is predicted, ``(labels,)``.

        It is 0.5 if no validation clips have decided. Older models have one ``threshold`` for all labels.
        """
        return np.broadcast_to(self.fitted.get("thresholds", self.fitted.get("threshold", 0.5)), len(self.labels))

    @property
    def decision(self) -> dict[str, Any]:
        """``thresholds``, one per label."""
        return {"thresholds": self.thresholds.tolist()}

    @classmethod
    def joined(cls, tasks: Sequence[Task]) -> MultiLabel:
        """The mean of their thresholds."""
        thresholds = np.mean([cls(task.labels, task.fitted).thresholds for task in tasks], axis=0)
        return cls(tasks[0].labels, {"thresholds": thresholds.tolist()})

    def fit_decision(self, predict: Callable[[], np.ndarray], clips: pd.DataFrame) -> None:
        """Choose the thresholds by the mean F1 over labels: one for all, or one per label if ``thresholds`` says so.

        The latter follow the few validation clips of rare labels.
        """
        truth = self.encode(clips)
        values = predict()
        if self.options.get("thresholds") == EACH:
            columns = zip(truth.T, values.T, strict=True)
            found = [best_threshold(own[:, None], probabilities[:, None]) for own, probabilities in columns]
        else:
            found = [best_threshold(truth, values)] * len(self.labels)
        self.fitted["thresholds"] = found

    def decide(self, values: np.ndarray) -> pd.DataFrame:
        """``predicted``: the labels whose probability reaches the threshold, joined by ``;``."""
        labels = np.array(self.labels, dtype=object)
        return pd.DataFrame({"predicted": [SEPARATOR.join(labels[row]) for row in values >= self.thresholds]})

    def rank(self, values: np.ndarray, count: int) -> np.ndarray:
        """The most probable labels, best first; the first of equals."""
        return np.argsort(-values, kind="stable")[:count]

    def baseline(self, clips: pd.DataFrame) -> np.ndarray:
        """The prevalence of each label: the share of clips that have it."""
        return self.encode(clips).mean(axis=0, dtype=float)

    def constant_scores(self, clips: pd.DataFrame) -> dict[str, float]:
        """The F1 of the best constant labels, which the thresholds of a model do not predict."""
        return constant_f1(self.baseline(clips))

    def scores(self, table: pd.DataFrame) -> dict[str, float]:
        """All metrics."""
        weights = np.ones((1, len(table)))
        clips = tagged(table, self.labels)
        return {name: float(metric.compute(clips, weights)[0]) for name, metric in METRICS.items()}

    def details(self, table: pd.DataFrame, groups: pd.Series) -> dict[str, Any]:
        """Scores of each label; and how many clips have, and are predicted to have, each two labels."""
        clips = tagged(table, self.labels)
        columns = label_scores(clips)
        return {
            "classes": [
                {"label": label, **{name: _known(values[number].item()) for name, values in columns.items()}}
                for number, label in enumerate(self.labels)
            ],
            "occurrences": {
                name: (pairs.T @ pairs).astype(int).tolist()
                for name, pairs in (("true", clips.truth), ("predicted", clips.decided))
            },
        }

    @classmethod
    def class_scores(cls, runs: list[dict[str, Any]]) -> pd.DataFrame:
        """The means over the runs."""
        parts = [pd.DataFrame(run["classes"]).set_index("label").astype(float) for run in runs]
        found = sum(parts[1:], parts[0]) / len(parts)
        return found.astype({"support": int}).reset_index()

    @classmethod
    def evidence(cls, tables: list[pd.DataFrame], positions: list[np.ndarray], groups: int) -> WeightedClips:
        """All predictions, since a ranking is no function of counts."""
        return WeightedClips([tagged(table, value_columns(table)) for table in tables], positions, METRICS)


def value_columns(table: pd.DataFrame) -> list[str]:
    """The labels that a table of predictions has probabilities of: the columns after ``predicted``."""
    names = list(table)
    return [name for name in names[names.index("predicted") + 1 :] if name not in ADDED]


def _known(score: float) -> float | None:
    """None in the place of NaN, which JSON does not have."""
    return None if np.isnan(score) else score


def _indicators(joined: pd.Series, labels: list[str]) -> np.ndarray:
    """Whether each clip has each label, ``(clips, labels)``, 0 or 1."""
    numbers = {label: number for number, label in enumerate(labels)}
    found = np.zeros((len(joined), len(labels)), dtype=int)
    for row, names in enumerate(joined):
        for label in filter(None, names.split(SEPARATOR)):
            if label in numbers:
                found[row, numbers[label]] = 1
    return found


def tagged(table: pd.DataFrame, labels: list[str]) -> Tagged:
    """Predictions as the metrics take them, with these labels."""
    truth = _indicators(table["label"], labels)
    decided = _indicators(table["predicted"], labels)
    return Tagged(truth.astype(float), table[labels].to_numpy(dtype=float), decided.astype(float))
