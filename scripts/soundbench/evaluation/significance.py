"""Significance of differences between models: paired tests on the same clips, corrected for their number.

A difference is significant if the paired test rejects after Holm's correction; all other pairs are called
indistinguishable. McNemar's test on the pooled predictions is reported as a second opinion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.05
POWER = 0.8
MOST_SEEDS = 1000


@dataclass(frozen=True)
class Difference:
    """A mean difference, its 95 % interval, and the p-value under the hypothesis of no difference."""

    mean: float
    low: float
    high: float
    p: float


def _t_interval(mean: float, error: float, freedom: int) -> Difference:
    if error < 1e-12:
        return Difference(mean, mean, mean, float(abs(mean) < 1e-12))
    reach = float(stats.t.ppf(1 - LEVEL / 2, freedom)) * error
    return Difference(mean, mean - reach, mean + reach, float(2 * stats.t.sf(abs(mean) / error, freedom)))


def corrected_t_test(differences: np.ndarray, test_share: float) -> Difference:
    """The corrected resampled t-test of paired scores over folds × seeds.

    Training sets of a cross-validation overlap, so its scores are not independent, and a plain t-test finds
    differences that are not there. The variance of the mean of J differences is taken as (1/J + test_share) times
    their variance instead of 1/J (C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine
    Learning 52, 2003; for repeated cross-validation R. Bouckaert and E. Frank, PAKDD 2004).

    Args:
        differences: one value per fold and seed, in any shape.
        test_share: tested clips per training clip of a fold.

    Returns:
        NaN limits and p if there are fewer than two differences.
    """
    values = np.ravel(differences)
    if len(values) < 2:
        return Difference(float(values.mean()), math.nan, math.nan, math.nan)
    error = math.sqrt(values.var(ddof=1) * (1 / len(values) + test_share))
    return _t_interval(float(values.mean()), error, len(values) - 1)


def paired_test(differences: np.ndarray, test_share: float) -> Difference:
    """The difference of two models: :func:`corrected_t_test`, or the test over fold means if its interval is wider.

    The corrected t-test counts every seed as a new sample. If two models differ on the same clips with every seed,
    the seeds repeat each other: with ten seeds the test calls one in ten pairs of equal models different
    (tests/evaluation/test_bootstrap.py). A t-test over the means of the folds counts each fold once and limits that
    error. The result is the test with the wider interval.

    Args:
        differences: ``(seeds, folds)``.

    Returns:
        NaN limits and p if there are fewer than two folds: one fold is no evidence about other clips.
    """
    means = np.asarray(differences).mean(axis=0)
    if len(means) < 2:
        return Difference(float(means.mean()), math.nan, math.nan, math.nan)
    over_folds = _t_interval(float(means.mean()), float(stats.sem(means)), len(means) - 1)
    return max(corrected_t_test(differences, test_share), over_folds, key=lambda found: found.high - found.low)


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray) -> tuple[int, int, float]:
    """McNemar's exact test on the pooled out-of-fold predictions of two models.

    With several seeds each clip counts once, for the model that is correct with more seeds, since the seeds of a clip
    are not independent observations. Clips of one recording are still correlated, which makes this p too small.
    It is a second opinion and does not decide the verdict (Q. McNemar, Psychometrika 12, 1947; T. Dietterich,
    Neural Computation 10, 1998).

    Args:
        correct_a, correct_b: ``(seeds, clips)``, whether a prediction is correct.

    Returns:
        The number of clips on which only a is correct (or with more seeds), the same for b, and the p-value.
    """
    from statsmodels.stats.contingency_tables import mcnemar as exact_test

    balance = correct_a.sum(axis=0, dtype=int) - correct_b.sum(axis=0, dtype=int)
    only_a = int((balance > 0).sum())
    only_b = int((balance < 0).sum())
    if only_a + only_b == 0:
        return 0, 0, 1.0
    return only_a, only_b, float(exact_test([[0, only_a], [only_b, 0]], exact=True).pvalue)


def holm(p_values: np.ndarray) -> np.ndarray:
    """P-values corrected for their number, in their order; NaN stays (S. Holm, Scand. J. Statistics 6, 1979)."""
    from statsmodels.stats.multitest import multipletests

    p_values = np.asarray(p_values, dtype=float)
    corrected = np.full(p_values.shape, np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        corrected[known] = multipletests(p_values[known], method="holm")[1]
    return corrected


def power(difference: float, deviation: float, folds: int, seeds: int, test_share: float) -> float:
    """The probability that :func:`corrected_t_test` finds a true ``difference`` (noncentral t; Cohen, 1988, chapter 2).

    Args:
        deviation: standard deviation of the difference over folds and seeds.
    """
    number = folds * seeds
    if deviation == 0 or number < 2:
        return float(difference != 0 and number >= 2)
    shift = difference / (deviation * math.sqrt(1 / number + test_share))
    limit = stats.t.ppf(1 - LEVEL / 2, number - 1)
    return float(stats.nct.sf(limit, number - 1, shift) + stats.nct.cdf(-limit, number - 1, shift))


def seeds_needed(difference: float, deviation: float, folds: int, test_share: float) -> float:
    """The number of seeds that finds a true ``difference`` with a power of 80 %; infinite if no number suffices.

    More seeds average out the randomness of training, but not the choice of clips in the data set: beyond some
    number of seeds only more clips help.
    """
    if power(difference, deviation, folds, MOST_SEEDS, test_share) < POWER:
        return math.inf
    low, high = 1, MOST_SEEDS
    while low < high:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if power(difference, deviation, folds, middle, test_share) >= POWER else (middle + 1, high)
        )
    return low


def smallest_difference(deviation: float, test_share: float) -> float:
    """The true difference that unlimited seeds would find with a power of 80 %."""
    return float(stats.norm.ppf(1 - LEVEL / 2) + stats.norm.ppf(POWER)) * deviation * math.sqrt(test_share)


def verdict(model_a: str, model_b: str, difference: Difference, p_corrected: float) -> str:
    """The result of a comparison in words; ``difference`` is the score of a minus that of b."""
    if math.isnan(p_corrected):
        return f"{model_a} and {model_b} cannot be compared: they share one fold at most, with few groups of clips"
    points, low, high = (100 * value for value in (difference.mean, difference.low, difference.high))
    if points < 0:  # the better model comes first
        model_a, model_b, points, low, high = model_b, model_a, -points, -high, -low
    span = f"{points:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}"
    if p_corrected >= LEVEL:
        # Among many pairs, some intervals leave out zero by chance.
        why = " once corrected for the number of pairs" if low * high > 0 else ""
        return f"{model_a} and {model_b} are indistinguishable{why} ({span})"
    return f"{model_a} is better than {model_b} ({span})"


PAIR_COLUMNS = [
    *("model_a", "model_b", "seeds", "folds", "mean_a", "mean_b"),
    *("only_a_right", "only_b_right", "p_mcnemar", "seeds_for_one_point", "smallest_difference"),
]


@dataclass(frozen=True)
class ModelComparison:
    """The models of one data set, on the same clips.

    Attributes:
        scores: the scores of each model, one row per seed and one column per fold (NaN if a run is missing).
        correct: whether each prediction of a model is correct, ``(seeds, clips)``, in the order of its seeds;
            empty if the task does not say whether a prediction is correct.
        test_share: tested clips per training clip of a fold.
    """

    scores: dict[str, pd.DataFrame]
    correct: dict[str, pd.DataFrame]
    test_share: float

    def compare(self) -> pd.DataFrame:
        """One row per pair of models, over the seeds and folds that both have; the row holds their numbers."""
        rows = []
        found = []
        for a, b in combinations(self.scores, 2):
            shared = (self.scores[a] - self.scores[b]).dropna(how="all").dropna(axis=1, how="any")
            found.append(paired_test(shared.to_numpy(), self.test_share) if shared.size else None)
            rows.append({"model_a": a, "model_b": b, **self._pair(a, b, shared)})
        table = pd.DataFrame(rows, columns=PAIR_COLUMNS)
        table["difference"], table["interval_low"], table["interval_high"], table["p"] = (
            [getattr(each, name) if each else np.nan for each in found] for name in ("mean", "low", "high", "p")
        )
        table["p_holm"] = holm(table["p"])
        table["p_mcnemar_holm"] = holm(table["p_mcnemar"])
        nothing = Difference(*[math.nan] * 4)
        table["verdict"] = [
            verdict(row.model_a, row.model_b, each or nothing, row.p_holm)
            for row, each in zip(table.itertuples(), found, strict=True)
        ]
        return table

    def _pair(self, a: str, b: str, shared: pd.DataFrame) -> dict[str, float]:
        if not shared.size:
            return {"seeds": 0, "folds": 0, "p_mcnemar": math.nan}
        seeds, folds = shared.shape
        correct = [
            self.correct[model].loc[shared.index].to_numpy(dtype=bool) for model in (a, b) if model in self.correct
        ]
        only_a, only_b, p_mcnemar = mcnemar(*correct) if len(correct) == 2 else (math.nan,) * 3
        known = folds > 1  # as in paired_test: one fold is not enough, with any number of seeds
        spread = float(np.ravel(shared.to_numpy()).std(ddof=1)) if known else math.nan
        return {
            "seeds": seeds,
            "folds": folds,
            "mean_a": float(self.scores[a].loc[shared.index].to_numpy().mean()),
            "mean_b": float(self.scores[b].loc[shared.index].to_numpy().mean()),
            "only_a_right": only_a,
            "only_b_right": only_b,
            "p_mcnemar": p_mcnemar,
            "seeds_for_one_point": seeds_needed(0.01, spread, folds, self.test_share) if known else math.nan,
            "smallest_difference": smallest_difference(spread, self.test_share) if known else math.nan,
        }


def critical_difference(scores: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Mean ranks of models over data sets, Nemenyi's critical difference, and Friedman's p-value.

    J. Demšar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006.

    Args:
        scores: ``(data sets, models)``, higher is better, at least two of each.

    Returns:
        Mean ranks ``(models,)`` (1 is best); the difference of mean ranks that is critical at 5 %; and Friedman's
        p (NaN for two models, where the test is not defined).
    """
    sets, models = scores.shape
    ranks = stats.rankdata(-scores, axis=1).mean(axis=0)
    quantile = stats.studentized_range.ppf(1 - LEVEL, models, np.inf) / math.sqrt(2)
    p = float(stats.friedmanchisquare(*scores.T).pvalue) if models > 2 else math.nan
    return ranks, float(quantile * math.sqrt(models * (models + 1) / (6 * sets))), p
