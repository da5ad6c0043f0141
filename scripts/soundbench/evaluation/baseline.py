"""The score of guessing: of the best constant answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from soundbench.tasks.task import Task


@dataclass(frozen=True)
class Baseline:
    """A constant answer and its score; ``answer`` is empty where it is not one label."""

    answer: str
    score: float


def constant_baseline(task: type[Task], clips: pd.DataFrame, metric: str) -> Baseline:
    """The task's constant answer to the test clips, and its score.

    For one label per clip it is the most frequent label: its accuracy is the share of that label, and its unweighted
    average recall is one divided by the number of labels.

    Args:
        clips: the test clips, with the columns of their truth.
    """
    own = task(task.find_labels(clips))
    values = np.tile(own.baseline(clips), (len(clips), 1))
    table = own.table(clips[own.truth_columns(clips)], values)
    answer = str(table["predicted"].iloc[0]) if own.correct(table) is not None else ""
    return Baseline(answer, (own.scores(table) | own.constant_scores(clips))[metric])
