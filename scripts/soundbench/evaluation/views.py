"""One model on two views of the same recordings: paired comparisons on the test clips that both views have.

Views differ in what the model was trained on: copies of clips, fewer clips, other labels. If one view merges labels of
the other, the predictions of the finer view are merged afterwards and both are scored on the merged labels. So the
comparison says whether training on merged labels is better than merging predictions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_tables, write_csv
from soundbench.data.subsets import clip_groups
from soundbench.evaluation.comparisons import Scored, compare_pair, visible
from soundbench.evaluation.leaderboard import Plan, run_of
from soundbench.evaluation.significance import holm, mcnemar, verdict
from soundbench.tasks.registry import ranking_metric, task_class
from soundbench.tasks.single_label import SingleLabel

NAMES = ["source", "model", "view_a", "view_b", "merged", "clips"]
DECISIONS = ["clip", "fold", "label", "predicted"]  # the first columns of predictions; the others are probabilities

Tables = dict[int, pd.DataFrame]  # predictions by seed
Reader = Callable[[], Tables]


def label_map(labels: pd.Series, others: pd.Series) -> dict[str, str] | None:
    """Which other label each label has; None where one has several.

    Args:
        labels, others: the labels of the shared clips in one view and in the other.
    """
    pairs = pd.DataFrame({"label": labels, "other": others}).drop_duplicates()
    return None if pairs["label"].duplicated().any() else dict(zip(pairs["label"], pairs["other"], strict=True))


def merge_predictions(table: pd.DataFrame, labels: dict[str, str]) -> pd.DataFrame:
    """Predictions with merged labels; the probability of a merged label is the sum of those of its parts.

    A label that is not in ``labels`` stays as it is.
    """
    probabilities = table.iloc[:, len(DECISIONS) :].rename(columns=labels).T.groupby(level=0).sum().T
    merged = table[["clip", "fold"]].assign(label=table["label"].replace(labels))
    return merged.assign(predicted=probabilities.idxmax(axis=1))


def shared_predictions(a: Tables, b: Tables, whole_a: Reader, whole_b: Reader) -> tuple[pd.DataFrame, str] | None:
    """The predictions of two views for each seed and clip that both have, on the labels of the coarser view.

    Args:
        whole_a, whole_b: read the tables with their probabilities, which only merging needs.

    Returns:
        A table ``seed, clip, fold_a, fold_b, label, predicted_a, predicted_b``; and ``a`` or ``b`` where the
        predictions of this view were merged, else nothing. None where there is no such clip, or where each view
        merges labels that the other one divides.
    """
    pairs = _joined(a, b)
    if pairs.empty:
        return None
    of_a = label_map(pairs["label_a"], pairs["label_b"])
    of_b = label_map(pairs["label_b"], pairs["label_a"])
    merged = ""
    if of_a is not None and of_b is not None:  # the same labels, perhaps by other names
        pairs["predicted_a"] = pairs["predicted_a"].replace(of_a)
    elif of_a is not None:
        pairs = _joined({seed: merge_predictions(table, of_a) for seed, table in whole_a().items()}, b)
        merged = "a"
    elif of_b is not None:
        pairs = _joined(a, {seed: merge_predictions(table, of_b) for seed, table in whole_b().items()})
        merged = "b"
    else:
        return None
    return pairs.rename(columns={"label_b": "label"}), merged


def _joined(a: Tables, b: Tables) -> pd.DataFrame:
    parts = [
        a[seed][DECISIONS].merge(b[seed][DECISIONS], on="clip", suffixes=("_a", "_b")).assign(seed=seed)
        for seed in a
        if seed in b
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def view_pairs(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Source and names of every two single-label views of one source, in the order of the plan."""
    views = [name for name, view in plan["datasets"].items() if task_class(view) is SingleLabel]
    for a, b in combinations(views, 2):
        source = plan["datasets"][a]["source"]
        if source == plan["datasets"][b]["source"]:
            yield source, a, b


def compare_views(
    decisions: dict[tuple[str, str], Tables],
    whole: Callable[[str, str], Tables],
    groups: dict[str, pd.DataFrame],
    plan: Plan,
    metric: str,
    margin: float,
) -> pd.DataFrame:
    """One row per model and pair of views that have test clips in common, with the columns of the pairs of models.

    P-values are corrected for the number of all pairs of views of a source and all models. The groups of a pair are
    those of view a; the luck of each view's networks is measured on its own folds.

    Args:
        decisions: the predictions by view and model, without probabilities.
        whole: reads those of a view and a model with their probabilities.
        groups: the groups of each view, indexed by clip.
        margin: scores that differ by less are equivalent in practice.
    """
    rows = []
    metric = ranking_metric(SingleLabel, metric)
    views = _Views(decisions, whole, groups, metric)
    for source, a, b in view_pairs(plan):
        for model in plan["models"]:
            if found := views.sides(a, b, model):
                first, second, merged, clips = found
                names = dict(zip(NAMES, (source, model, a, b, merged, clips), strict=True))
                rows.append(
                    names | compare_pair(first, second, SingleLabel.metrics[metric], margin) | {"metric": metric}
                )
    return _with_verdicts(pd.DataFrame(rows)) if rows else pd.DataFrame(columns=[*NAMES, "metric"])


class _Views:
    """The two sides of each comparison; the first arguments of :func:`compare_views`."""

    def __init__(
        self,
        decisions: dict[tuple[str, str], Tables],
        whole: Callable[[str, str], Tables],
        groups: dict[str, pd.DataFrame],
        metric: str,
    ) -> None:
        self.decisions = decisions
        self.whole = whole
        self.groups = groups
        self.metric = metric
        self.tested = cache(lambda key, seed: _tested(decisions[key][seed], groups[key[0]]))
        self.alone = cache(self._alone)

    def sides(self, a: str, b: str, model: str) -> tuple[Scored, Scored, str, int] | None:
        """What the predictions of a model score in view a and in view b on the same clips, which predictions were
        merged, and the number of clips; None as of :func:`shared_predictions`."""
        keys = ((a, model), (b, model))
        of_a, of_b = (self.decisions.get(key, {}) for key in keys)
        seeds = tuple(sorted(of_a.keys() & of_b.keys()))
        if seeds and all(self.tested(keys[0], seed) == self.tested(keys[1], seed) for seed in seeds):
            # All such pairs of a view have the same scores, which are computed once.
            (first, clips), (second, _) = (self.alone(key, seeds) for key in keys)
            return first, second, "", clips
        found = shared_predictions(of_a, of_b, partial(self.whole, a, model), partial(self.whole, b, model))
        if found is None:
            return None
        pairs, merged = found
        scored = partial(Scored.of, task=SingleLabel, metric=self.metric, folds=_divisions(pairs))
        first, second = (scored(_tables(pairs, part), self.groups[a]) for part in "ab")
        return first, second, merged, pairs["clip"].nunique()

    def _alone(self, key: tuple[str, str], seeds: tuple[int, ...]) -> tuple[Scored, int]:
        """What a model scores on all clips of a view, and their number."""
        tables = [self.decisions[key][seed] for seed in seeds]
        clips = len(pd.unique(np.concatenate([table["clip"].to_numpy() for table in tables])))
        return Scored.of(tables, self.groups[key[0]], SingleLabel, self.metric), clips


def _tested(table: pd.DataFrame, groups: pd.DataFrame) -> bytes:
    """A digest of what is tested: the clips in their order, with their folds, labels and groups."""
    own = pd.DataFrame(groups).to_numpy()[groups.index.get_indexer(table["clip"])]
    text = "\0".join(chain(table["clip"].to_list(), table["label"].to_list(), own.ravel()))
    return hashlib.sha256(text.encode() + table["fold"].to_numpy().tobytes()).digest()


def _with_verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Comparisons with p-values that are corrected within a source, and with verdicts in words."""
    p_mcnemar = mcnemar(table["only_a_right"], table["only_b_right"])
    table.insert(table.columns.get_loc("only_b_right") + 1, "p_mcnemar", p_mcnemar)
    for name in ("p", "p_mcnemar"):
        table[f"{name}_holm"] = table.groupby("source")[name].transform(holm)
    for _, own in table.groupby("source"):
        tests = max(1, int(own["p"].count()))
        table.loc[own.index, ["seeds_for_one_point", "smallest_difference"]] = list(visible(own["estimate"], tests))
        table.loc[own.index, "verdict"] = [
            verdict(
                f"{row.model} on {row.view_a}",
                f"{row.model} on {row.view_b}",
                row.estimate,
                row.p_holm,
                tests,
                row.folds == 1,
                SingleLabel.metrics[row.metric],
            )
            for row in own.itertuples()
        ]
    return table.drop(columns="estimate")


def _divisions(pairs: pd.DataFrame) -> list[str]:
    """The columns of folds that count: those of view a, and those of view b if they divide the clips otherwise."""
    cells = pairs[["seed", "fold_a", "fold_b"]].drop_duplicates()
    several = any(cells.duplicated(["seed", fold]).any() for fold in ("fold_a", "fold_b"))
    return ["fold_a", "fold_b"] if several else ["fold_a"]


def _tables(pairs: pd.DataFrame, part: str) -> list[pd.DataFrame]:
    """The predictions of one view, one table per seed, with the folds of both."""
    table = pairs.assign(predicted=pairs[f"predicted_{part}"])
    return [own.reset_index(drop=True) for _, own in table.groupby("seed")]


def aggregate_view_comparisons(
    predictions: list[str], splits: list[str], plan: dict[str, Any], metric: str, margin: float, path: str | Path
) -> None:
    """Write the comparisons of every two views of one source.

    Args:
        predictions: one file per run.
        splits: ``…/{dataset}/seed{seed}.csv`` of each data set, of any seed, for the groups.
        plan: as of :mod:`soundbench.evaluation.leaderboard`, with the ``source`` of each data set.
        margin: scores that differ by less are equivalent in practice.
    """
    compared = {name for _, *pair in view_pairs(plan) for name in pair}
    files = [file for file in predictions if run_of(file)[0] in compared]

    def read(chosen: list[str], **options: Any) -> dict[tuple[str, str], Tables]:
        found: dict[tuple[str, str], Tables] = {}
        for file, table in zip(chosen, read_clip_tables(chosen, **options), strict=True):
            view, model, seed = run_of(file)
            found.setdefault((view, model), {})[seed] = table
        return found

    def whole(view: str, model: str) -> Tables:
        return read([file for file in files if run_of(file)[:2] == (view, model)])[view, model]

    decisions = read(files, usecols=DECISIONS)
    groups = {Path(split).parent.name: clip_groups(read_split(split)) for split in splits}
    write_csv(path, compare_views(decisions, whole, groups, plan, metric, margin))
