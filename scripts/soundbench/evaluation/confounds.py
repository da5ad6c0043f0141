"""Confounds: properties of the recordings, such as bandwidth, level and silence, that predict the labels.

If there are any, a model can score above chance without the content, and its scores may not hold on other recordings. A
small classifier of such measurements alone is trained and tested on the study's own split, as its models are
(B. L. Sturm, "A simple method to determine if a music information retrieval system is a 'horse'", IEEE Transactions on
Multimedia, 2014, gives the reasons).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.storage import write_csv
from soundbench.data.audit import read_measures
from soundbench.data.recording_traits import TRAITS
from soundbench.data.splits import draw_split, fold_columns
from soundbench.data.subsets import clip_groups, read_view
from soundbench.data.view import View
from soundbench.evaluation.estimates import LEVEL, estimate_score
from soundbench.evaluation.resampling import group_evidence
from soundbench.evaluation.significance import holm
from soundbench.tasks.registry import task_class

logger = logging.getLogger(__name__)

ALL = "all"
MEASURED = {**TRAITS, "seconds": "length (s)", "sample_rate": "sample rate (Hz)", "channels": "number of channels"}
TREES = 50
NAMED = 3  # measurements in the report
DRAWN = 2000  # training clips per tree at most, so that large data sets take seconds
COLUMNS = ["measured", "what", "uar", "low", "high", "chance", "p", "p_holm", "predicts", "clips"]


def measure_confounds(measures: str | Path, clips: str | Path, view: View, seed: int, table: str | Path) -> None:
    """Write one row per measurement, and one of all together: the unweighted average recall of their classifier.

    The split is drawn here and not read, so that there is a table also where copies make the split be refused. If none
    can be drawn, the table is empty.

    Args:
        measures: the measurements of the clips of the view's source.
        clips: the clip table of the source.
        seed: of the split.
    """
    try:
        _, split = draw_split(read_view(clips, view), view, seed)
    except InputError as error:
        logger.warning("without a split nothing is measured: %s", error)
        return write_csv(table, pd.DataFrame(columns=COLUMNS))
    values = read_measures(measures).drop_duplicates("clip").set_index("clip")
    return write_csv(table, confounds(values[list(MEASURED)], split, view))


def confounds(values: pd.DataFrame, split: pd.DataFrame, view: View) -> pd.DataFrame:
    """The table of :func:`measure_confounds`; without rows if the task of the view has no single label per clip.

    A measurement ``predicts`` the label where its recall is significantly above chance, which is the recall of any
    prediction that does not depend on the clip. The test is that of :mod:`soundbench.evaluation.estimates`, corrected
    for the number of measurements (Holm). The intervals are not corrected. A measurement that is the same in all clips
    is left out.

    Args:
        values: the measurements, indexed by clip.
    """
    task = task_class(view)
    if "confounds" not in task.report:
        return pd.DataFrame(columns=COLUMNS)
    own = values.loc[split["clip"]].reset_index(drop=True)
    varying = [name for name in MEASURED if own[name].nunique() > 1]
    sets = {ALL: varying, **{name: [name] for name in varying}} if varying else {}
    rows = []
    for name, chosen in sets.items():
        predictions = predict_labels(own[chosen].to_numpy(float), split)
        evidence = group_evidence(task, [predictions], clip_groups(split))
        found = estimate_score(evidence, "uar", task.metrics["uar"])
        low, high = found.interval()
        chance = 1 / predictions["label"].nunique()
        what = MEASURED.get(name, "all of these together")
        p = replace(found, mean=found.mean - chance).p_value()
        rows.append((name, what, found.mean, low, high, chance, p, len(predictions)))
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in ("p_holm", "predicts")])
    p_holm = holm(table["p"].to_numpy(float))
    return table.assign(p_holm=p_holm, predicts=(p_holm < LEVEL) & (table["uar"] > table["chance"]))[COLUMNS]


def predict_labels(values: np.ndarray, split: pd.DataFrame) -> pd.DataFrame:
    """Out-of-fold predictions ``clip, fold, label, predicted`` of a random forest, trained on the training clips.

    Args:
        values: ``(clips, measurements)`` in the order of ``split``.
    """
    from sklearn.ensemble import RandomForestClassifier

    codes, labels = pd.factorize(split["label"], sort=True)  # scikit-learn takes labels such as 007 for numbers
    tables = []
    for number, column in enumerate(fold_columns(split), start=1):
        training = (split[column] == "train").to_numpy()
        tested = (split[column] == "test").to_numpy()
        drawn = min(DRAWN, int(training.sum()))
        forest = RandomForestClassifier(TREES, class_weight="balanced", max_samples=drawn, random_state=0)
        forest.fit(values[training], codes[training])
        table = split.loc[tested, ["clip", "label"]]
        tables.append(table.assign(fold=number, predicted=labels[forest.predict(values[tested])]))
    return pd.concat(tables, ignore_index=True)


def sentence(table: pd.DataFrame) -> str:
    """What the table says, for the report: the measurements that predict best; empty where none predicts the label."""
    found = table[table["predicts"].astype(bool)].sort_values("uar", ascending=False, kind="stable")
    if found.empty:
        return ""
    parts = [
        f"{_name(row)} {_percent(row['uar'])} (95 % interval {100 * row['low']:.1f} to {_percent(row['high'])})"
        for row in found.head(NAMED).to_dict("records")
    ]
    more = len(found) - len(parts)
    chance = _percent(found["chance"].iloc[0])
    return (
        "Properties of the recordings predict the labels (confounds). On the same split, small classifiers that get "
        f"only these properties have this unweighted average recall, where chance is {chance}: {'; '.join(parts)}"
        f"{f'; {more} more in the table of confounds' if more > 0 else ''}."
    )


def _name(row: Mapping[str, object]) -> str:
    return "all measurements together" if row["measured"] == ALL else str(row["what"])


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
