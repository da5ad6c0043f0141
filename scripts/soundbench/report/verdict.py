"""What a study's scores say about one data set, in sentences: which model is best, and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from soundbench.core.text import spoken_list as listed
from soundbench.evaluation.baseline import Baseline
from soundbench.tasks.metric import Metric

SIGNIFICANCE = 0.05
# What two models need for a comparison.
NEEDED = (
    "A comparison needs results of both models for the same seed, and test clips of at least two groups (recordings or "
    "speakers)."
)


@dataclass(frozen=True)
class Verdict:
    """The sentences on one data set.

    Attributes:
        answer: which model is best, by how much, and whether that is more than chance.
        guessing: the models that are not shown to be better than guessing; empty where all are.
        visible: the smallest difference that can be found; empty where nothing can be said.
    """

    answer: list[str]
    guessing: str = ""
    visible: str = ""


@dataclass(frozen=True)
class Outcomes:
    """How the best model compares with each of the others."""

    worse: list[str] = field(default_factory=list)  # significantly worse
    better: list[str] = field(default_factory=list)  # significantly better on the seeds that both have
    indistinguishable: list[str] = field(default_factory=list)  # no significant difference
    unknown: list[str] = field(default_factory=list)  # not comparable


def verdict(board: pd.DataFrame, pairs: pd.DataFrame, baseline: Baseline | None, folds: int, metric: Metric) -> Verdict:
    """The verdict on one data set.

    Args:
        board: the leaderboard's rows of the data set.
        pairs: the comparisons of its models.
        baseline: the score of guessing; None where it is not known.
        folds: how many folds each clip of the data set can be in.
        metric: of the scores.
    """
    scored = board.dropna(subset=["mean"]).sort_values("rank", kind="stable")
    if scored.empty:
        return Verdict(["No run has finished."])
    guessing = scored.iloc[:0] if baseline is None else scored[_as_good(baseline, scored, metric)]
    if baseline is not None and len(guessing) == len(scored):
        return Verdict([_all_guess(scored, baseline, metric)])
    said = _guessing(guessing, baseline, metric) if baseline is not None else ""
    if len(scored) == 1:
        return Verdict([f"{_scored(scored.iloc[0], metric)}.", *_caveats(folds)], said)
    best = scored["model"].iloc[0]
    own = pairs[(pairs["model_a"] == best) | (pairs["model_b"] == best)]
    tests = int(pairs["p_holm"].count())
    answer = _answer(scored, _outcomes(scored, own, metric), folds, metric)
    return Verdict(answer, said, _visible(own, tests, metric))


def _as_good(baseline: Baseline, scored: pd.DataFrame, metric: Metric) -> pd.Series:
    """Whether the interval of each score, or the score itself without one, holds that of guessing or is worse."""
    if metric.higher_is_better:
        return scored["interval_low"].fillna(scored["mean"]) <= baseline.score
    return scored["interval_high"].fillna(scored["mean"]) >= baseline.score


def _scored(row: pd.Series, metric: Metric) -> str:
    return f"{row['model']} scores {metric.with_unit(row['mean'])} ({_interval(row, metric)})"


def _interval(row: pd.Series, metric: Metric) -> str:
    if pd.isna(row["interval_low"]):
        return "no interval, since the test clips are one group"
    return f"95 % interval {metric.format(row['interval_low'])} to {metric.with_unit(row['interval_high'])}"


def _always(baseline: Baseline, metric: Metric) -> str:
    how = f"always answering “{baseline.answer}”" if baseline.answer else "one constant answer"
    return f"{how} scores {metric.with_unit(baseline.score)}"


def _all_guess(scored: pd.DataFrame, baseline: Baseline, metric: Metric) -> str:
    best = scored.iloc[0]
    who = f"{best['model']} is not" if len(scored) == 1 else "No model is"
    which = "it" if len(scored) == 1 else f"the {_best(metric)} score, of {best['model']},"
    value = f"{metric.with_unit(best['mean'])} ({_interval(best, metric)})"
    return f"{who} shown to be better than guessing: {_always(baseline, metric)}, and {which} reaches {value}."


def _best(metric: Metric) -> str:
    return "highest" if metric.higher_is_better else "lowest"


def _guessing(rows: pd.DataFrame, baseline: Baseline, metric: Metric) -> str:
    if rows.empty:
        return ""
    named = [
        f"{row['model']} ({metric.with_unit(row['mean'])}, {_interval(row, metric)})" for _, row in rows.iterrows()
    ]
    verb = "is" if len(named) == 1 else "are"
    return f"{listed(named)} {verb} not shown to be better than guessing: {_always(baseline, metric)}."


def _outcomes(scored: pd.DataFrame, pairs: pd.DataFrame, metric: Metric) -> Outcomes:
    best = scored["model"].iloc[0]
    outcomes = Outcomes()
    for row in pairs.itertuples():
        first = row.model_a == best
        other = row.model_b if first else row.model_a
        sign = 1 if first else -1
        if other not in set(scored["model"]):
            continue
        if pd.isna(row.p_holm):
            outcomes.unknown.append(other)
            continue
        low, high = sorted((sign * row.interval_low, sign * row.interval_high))
        gap, least, most = map(metric.difference, (sign * row.difference, low, high))
        significant = row.p_holm < SIGNIFICANCE
        # Among many pairs, some intervals leave out zero by chance.
        why = " before the correction for the number of pairs" if low * high > 0 and not significant else ""
        text = f"{other} ({gap}{' points' if metric.percent else ''}, {least} to {most}{why})"
        different = outcomes.worse if sign * row.difference > 0 else outcomes.better
        (different if significant else outcomes.indistinguishable).append(text)
    return outcomes


def _answer(scored: pd.DataFrame, outcomes: Outcomes, folds: int, metric: Metric) -> list[str]:
    best = scored.iloc[0]
    where = " on the one test part" if folds == 1 else ""
    if not (outcomes.worse or outcomes.better or outcomes.indistinguishable):
        means = listed([f"{row.model} {metric.with_unit(row.mean)}" for row in scored.itertuples()])
        return [f"Mean scores: {means}. The models cannot be compared. {NEEDED}"]
    top = list(scored.loc[np.isclose(scored["mean"], best["mean"], rtol=0, atol=1e-9), "model"])
    value = f"{metric.with_unit(best['mean'])} ({_interval(best, metric)})"
    equal = f"{listed(top)} have the same score{where}, {metric.with_unit(best['mean'])}."
    highest = f"{best['model']} has the {_best(metric)} score{where}, {value}, but this does not show that it is best."
    if len(top) > 1:
        sentences = [equal]
    elif outcomes.better or outcomes.indistinguishable or outcomes.unknown:
        sentences = [highest]
    else:
        sentences = [f"{best['model']} is best{where}: {value}."]
    named = best["model"] if len(top) > 1 else "It"
    if outcomes.worse:
        sentences.append(f"{named} is significantly better than {listed(outcomes.worse)}.")
    if outcomes.better:
        sentences.append(f"{named} is significantly worse than {listed(outcomes.better)} on the seeds that both have.")
    if outcomes.indistinguishable:
        sentences.append(f"{named} is statistically indistinguishable from {listed(outcomes.indistinguishable)}.")
    if outcomes.unknown:
        sentences.append(f"{named} cannot be compared with {listed(outcomes.unknown)}. {NEEDED}")
    return sentences + _caveats(folds)


def _caveats(folds: int) -> list[str]:
    if folds > 1:
        return []
    only = "The result holds for these trained models only; with other training clips, the scores may differ."
    return [f"There is one training set. {only}"]


def _visible(pairs: pd.DataFrame, tests: int, metric: Metric) -> str:
    """The smallest difference from the best model that these clips and seeds can show.

    Args:
        pairs: the comparisons of the best model.
        tests: the number of differences that p is corrected for.
    """
    known = pairs[pairs["smallest_difference"] > 0]
    if known.empty:
        return ""
    corrected = f", also after the correction for {tests} pairs" if tests > 1 else ""
    smallest = known["smallest_difference"].max()
    if not np.isfinite(smallest):
        return f"These are too few clips to find a difference of any size four times in five{corrected}."
    size = metric.points(smallest)
    found = f"With these clips and seeds, a true difference of {size} is found four times in five{corrected}."
    needed = known["seeds_for_one_point"].max()
    if not np.isfinite(needed):
        return f"{found} With more clips, smaller differences would be found."
    one = "1 point" if metric.percent else "0.01"
    return f"{found} With {needed:.0f} seed{'s' if needed > 1 else ''}, a difference of {one} would be found as often."
