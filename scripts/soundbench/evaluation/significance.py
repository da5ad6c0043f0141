"""Significance of differences between models: paired tests on the same clips, corrected for their number.

A difference is significant if the test of :mod:`soundbench.evaluation.estimates` rejects after Holm's correction; all
other pairs are called indistinguishable, with the difference that the test could have found. McNemar's test on the
pooled predictions is reported as a second opinion.
"""

from __future__ import annotations

import math

import numpy as np

from soundbench.evaluation.estimates import LEVEL, Estimate
from soundbench.tasks.metric import Metric


def mcnemar(only_a: np.ndarray, only_b: np.ndarray) -> np.ndarray:
    """The p-values of McNemar's exact test on the pooled out-of-fold predictions of two models, one per pair of models.

    Clips of one recording are correlated, which makes this p too small. It is a second opinion and does not decide the
    verdict (Q. McNemar, Psychometrika 12, 1947; T. Dietterich, Neural Computation 10, 1998).

    Args:
        only_a, only_b: ``(pairs,)``, the number of clips on which only one of the models is correct; NaN if unknown.
    """
    from scipy import stats  # imported here, since it takes half a second and many jobs read this module

    clips = only_a + only_b
    fewer = np.minimum(only_a, only_b)
    # The distribution is symmetric; both ends together are what the two-sided binomial test adds up.
    both = stats.binom.cdf(fewer, clips, 0.5) + stats.binom.sf(clips - fewer - 1, clips, 0.5)
    return np.where(only_a == only_b, 1.0, np.minimum(both, 1))


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values corrected for their number, in their order; NaN stays (S. Holm, Scand. J. Statistics 6, 1979)."""
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)[: np.count_nonzero(~np.isnan(p_values))]  # NaN is sorted to the end
    corrected = np.full(p_values.shape, np.nan)
    corrected[order] = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1)).clip(max=1)
    return corrected


def probability_of_superiority(first: np.ndarray, second: np.ndarray) -> float:
    """The probability that one run of the first scores higher than one run of the second on the same fold.

    Two different seeds are drawn for the two runs; ties count half (X. Bouthillier and others, "Accounting for
    variance in machine learning benchmarks", MLSys 2021).

    Args:
        first, second: ``(seeds, folds)``, with the same folds.
    """
    difference = np.asarray(first)[:, None] - np.asarray(second)[None]
    return float((difference > 0).mean() + (difference == 0).mean() / 2)


def verdict(
    model_a: str,
    model_b: str,
    difference: Estimate | None,
    p_corrected: float,
    tests: int,
    one_training: bool,
    metric: Metric,
) -> str:
    """The result of a comparison in words.

    Args:
        difference: the score of a minus that of b; None if no seed is finished for both.
        tests: the number of differences that p is corrected for.
        one_training: whether each seed has one trained model, as in a holdout.
        metric: of the scores.
    """
    if difference is None:
        return f"{model_a} and {model_b} cannot be compared: no seed is finished for both"
    if math.isnan(p_corrected):
        return f"{model_a} and {model_b} cannot be compared: they need two groups of clips that test both"
    if difference.mean < 0:  # the better model comes first
        model_a, model_b = model_b, model_a
    gap = abs(difference.mean)
    sign = -1 if difference.mean < 0 else 1
    low, high = sorted(sign * end for end in difference.interval())
    unit = " points" if metric.percent else ""
    span = f"{metric.difference(gap)}{unit}, 95 % interval {metric.difference(low)} to {metric.difference(high)}"
    limits = "; one training set: the result holds for these trained models only" if one_training else ""
    if p_corrected < LEVEL:
        return f"{model_a} is better than {model_b} ({span}{limits})"
    # Among many pairs, some intervals leave out zero by chance.
    why = " once corrected for the number of pairs" if low * high > 0 else ""
    smallest = difference.smallest_difference(tests)
    found = "these are too few clips to find any difference reliably"
    if math.isfinite(smallest):
        found = f"a true difference of {metric.points(smallest)} would be found four times in five"
    return f"{model_a} and {model_b} are indistinguishable{why} ({span}; {found}{limits})"


def critical_difference(scores: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Mean ranks of models over data sets, Nemenyi's critical difference, and Friedman's p-value.

    J. Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006.

    Args:
        scores: ``(data sets, models)``, higher is better, at least two of each.

    Returns:
        Mean ranks ``(models,)`` (1 is best); the difference of mean ranks that is critical at 5 %; and Friedman's
        p (NaN for two models, where the test is not defined).
    """
    from scipy import stats

    sets, models = scores.shape
    ranks = stats.rankdata(-scores, axis=1).mean(axis=0)
    quantile = stats.studentized_range.ppf(1 - LEVEL, models, np.inf) / math.sqrt(2)
    p = float(stats.friedmanchisquare(*scores.T).pvalue) if models > 2 else math.nan
    return ranks, float(quantile * math.sqrt(models * (models + 1) / (6 * sets))), p
