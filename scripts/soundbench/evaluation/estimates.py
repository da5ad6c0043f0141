"""How far a score, or a difference of two scores, may be from its true value: the standard error and what follows.

The true value is the mean over all that could have been different: other recordings or speakers, other seeds, other
training clips. Each of these adds to the error:

- **Groups.** Errors on clips of one recording or speaker are correlated, so the groups are the observations. Their
  variance is the jackknife's: the score is computed again without each group (B. Efron and C. Stein, "The jackknife
  estimate of variance", Annals of Statistics 9, 1981). It holds for every score that is computed from counts, and is a
  little too large where groups are few, which is the safe side.
- **Two kinds of groups** that are crossed, as speakers and texts are. The jackknife variances over each kind are added,
  and that over their pairs, which both hold, is subtracted (A. C. Cameron, J. B. Gelbach and D. L. Miller, "Robust
  inference with multiway clustering", Journal of Business and Economic Statistics 29, 2011). The result is at least
  that of either kind, and the kind with fewer groups gives the degrees of freedom.
- **Seeds.** The variance over seeds within folds is added, as far as the variance over groups does not hold it already.
- **Folds.** All clips of a fold are predicted by one network. Its luck is common to the groups of the fold, so the
  variance over folds is computed in the same way, and counts instead if it is larger.
- **Training sets.** Training sets of a cross-validation share most of their clips, so its folds cannot show how much
  another training set would have changed (Y. Bengio and Y. Grandvalet, "No unbiased estimator of the variance of
  k-fold cross-validation", JMLR 5, 2004). :data:`TRAINING_SETS` is what the variance is multiplied by for that. It was
  chosen by simulation with real trainings (``tests/benchmarks/intervals.py``). The correction of C. Nadeau and
  Y. Bengio (Machine Learning 52, 2003) multiplies by about 2, and finds half of the differences.

A holdout has one training set, and no fold shows its luck: its error is conditional on the trained models.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from soundbench.tasks.evidence import Evidence

CONFIDENCE = 0.95
LEVEL = 1 - CONFIDENCE
POWER = 0.8
TRAINING_SETS = 4 / 3
MOST_SEEDS = 1000
NEGLIGIBLE = 1e-12  # a standard error below this is rounding


@dataclass(frozen=True)
class Estimate:
    """A mean, its standard error, and the degrees of freedom of Student's t for it.

    Attributes:
        mean: of the score, or of the difference of two scores, over seeds.
        error: the standard error; NaN if there are fewer than two groups.
        freedom: groups - 1.
        seeds: the number of seeds.
        seed_variance: what one seed alone adds to the variance.
    """

    mean: float
    error: float
    freedom: int
    seeds: int = 1
    seed_variance: float = 0.0

    def interval(self, lowest: float = -math.inf, highest: float = math.inf) -> tuple[float, float]:
        """The limits of the 95 % interval, no further than the ``lowest`` and ``highest`` value that there is; NaN if
        the error is unknown."""
        if math.isnan(self.error):
            return math.nan, math.nan
        reach = _quantile(1 - LEVEL / 2, self.freedom) * self.error
        return max(lowest, self.mean - reach), min(highest, self.mean + reach)

    def p_value(self) -> float:
        """The two-sided p under the hypothesis that the true value is 0; NaN if the error is unknown."""
        if math.isnan(self.error):
            return math.nan
        if self.error < NEGLIGIBLE:
            return float(abs(self.mean) < NEGLIGIBLE)
        return 2 * _share_below(-abs(self.mean) / self.error, self.freedom)

    def probability_above(self, value: float) -> float:
        """The posterior probability that the true value is above ``value``, under a flat prior.

        It is Student's t around the mean, as in the correlated Bayesian t-test (G. Corani and A. Benavoli, Machine
        Learning 100, 2015; A. Benavoli and others, JMLR 18, 2017), with this estimate's error.
        """
        if math.isnan(self.error):
            return math.nan
        if self.error < NEGLIGIBLE:
            return float(self.mean > value)
        return _share_below((self.mean - value) / self.error, self.freedom)

    def power(self, difference: float, seeds: int | None = None) -> float:
        """The probability that a test at 5 % finds a true ``difference`` (noncentral t; J. Cohen, 1988, chapter 2).

        Args:
            seeds: the number of seeds of the test, by default of this estimate.
        """
        from scipy.special import nctdtr

        error = self._error_with(seeds or self.seeds)
        if math.isnan(error):
            return math.nan
        if error < NEGLIGIBLE:
            return float(difference != 0)
        shift = abs(difference) / error
        limit = _quantile(1 - LEVEL / 2, self.freedom)
        found = 1 - nctdtr(self.freedom, shift, limit) + nctdtr(self.freedom, shift, -limit)
        return float(np.nan_to_num(found, nan=1.0))  # SciPy gives NaN where the shift is far beyond the limit

    def smallest_difference(self) -> float:
        """The true difference that a test with these clips and seeds finds with a power of 80 %, approximately."""
        return (_quantile(1 - LEVEL / 2, self.freedom) + _quantile(POWER, self.freedom)) * self.error

    def seeds_needed(self, difference: float) -> float:
        """The number of seeds with which the test finds ``difference`` with a power of 80 %.

        More seeds average out the luck of training, but not the choice of clips: infinity if no number suffices.
        NaN if the error is unknown or if one seed shows no luck of seeds.
        """
        if math.isnan(self.error) or self.seeds < 2:
            return math.nan
        if self.power(difference, MOST_SEEDS) < POWER:
            return math.inf
        low = 1
        high = MOST_SEEDS
        while low < high:
            middle = (low + high) // 2
            if self.power(difference, middle) >= POWER:
                high = middle
            else:
                low = middle + 1
        return low

    def _error_with(self, seeds: int) -> float:
        changed = self.error**2 + self.seed_variance * (1 / seeds - 1 / self.seeds)
        return math.sqrt(max(changed, 0.0)) if not math.isnan(changed) else math.nan


def estimate(
    scores: np.ndarray, without_group: np.ndarray, without_fold: np.ndarray, *without_kind: np.ndarray
) -> Estimate:
    """The mean over seeds, with the error described in the module's docstring.

    Args:
        scores: ``(seeds,)``, of all clips together. For a paired comparison these and the others are the differences
            of two models with the same seeds.
        without_group: ``(seeds, groups)``, the scores of all clips but those of one group.
        without_fold: ``(seeds, folds)``, the same for folds; ``(seeds, 0)`` if there is one fold.
        without_kind: the same for each of two kinds of groups; the groups are then their pairs.
    """
    seeds = len(scores)
    groups = min(each.shape[1] for each in without_kind or (without_group,))
    if groups < 2:
        return Estimate(float(scores.mean()), math.nan, 0, seeds)
    of_groups = contributions(scores, without_group)
    of_folds = contributions(scores, without_fold) if without_fold.shape[1] > 1 else scores[:, None] - scores.mean()
    luck = max(0.0, variance_over_seeds(of_folds) - variance_over_seeds(of_groups)) if seeds > 1 else 0.0
    over_groups = jackknife_variance(of_groups)
    if without_kind:
        kinds = [jackknife_variance(contributions(scores, without)) for without in without_kind]
        over_groups = max(sum(kinds) - over_groups, *kinds)
    over_groups += luck / seeds
    variance = TRAINING_SETS * max(over_groups, jackknife_variance(of_folds))  # folds hold the luck of seeds
    return Estimate(float(scores.mean()), math.sqrt(variance), groups - 1, seeds, TRAINING_SETS * luck)


def estimate_score(evidence: Evidence, groups: pd.DataFrame, metric: str) -> Estimate:
    """The mean score over seeds, and its error.

    Args:
        groups: one row per group, in the order of ``evidence``, with the column ``fold``, and one or two that name it.
    """
    return estimate(*resampled_scores(evidence, groups, metric))


def estimate_difference(first: list[np.ndarray], second: list[np.ndarray]) -> Estimate:
    """The score of the first minus that of the second, and its error.

    Args:
        first, second: their :func:`resampled_scores`, on the same clips with the same seeds.
    """
    return estimate(*(a - b for a, b in zip(first, second, strict=True)))


def seed_scores(evidence: Evidence, groups: pd.DataFrame, metric: str) -> np.ndarray:
    """The score of each seed on the clips of all groups, ``(seeds,)``."""
    return evidence.scores(metric, np.ones((1, len(groups)), dtype=int))[:, 0]


def fold_scores(evidence: Evidence, groups: pd.DataFrame, metric: str) -> np.ndarray:
    """The score of each seed on the clips of each fold, ``(seeds, folds)``."""
    return evidence.scores(metric, _members_of_folds(groups).astype(int))


def resampled_scores(evidence: Evidence, groups: pd.DataFrame, metric: str) -> list[np.ndarray]:
    """The arguments of :func:`estimate`."""
    count = len(groups)
    scores = seed_scores(evidence, groups, metric)
    if count < 2:
        return [scores, np.full((len(scores), count), np.nan), np.empty((len(scores), 0))]
    without_group = evidence.scores_without_each(metric)
    folds = _members_of_folds(groups)
    without_fold = evidence.scores(metric, (~folds).astype(int)) if len(folds) > 1 else np.empty((len(scores), 0))
    kinds = groups.columns.drop("fold")
    crossed = [evidence.scores(metric, (~_members(groups[kind])).astype(int)) for kind in kinds if len(kinds) > 1]
    return [scores, without_group, without_fold, *crossed]


def _members_of_folds(groups: pd.DataFrame) -> np.ndarray:
    """Whether a group is in a fold, ``(folds, groups)``."""
    return _members(groups["fold"])


def _members(names: pd.Series) -> np.ndarray:
    """Whether each row has each of the names, ``(names, rows)``."""
    values = names.to_numpy()
    return np.array([values == name for name in names.unique()])


def contributions(scores: np.ndarray, without: np.ndarray) -> np.ndarray:
    """What each group or fold adds to the score: its sum minus its share of the mean, where the score is a mean."""
    units = without.shape[1]
    return (units - 1) / units * (scores[:, None] - without)


def jackknife_variance(contributions: np.ndarray) -> float:
    """The variance of the mean over seeds; 0 for one unit, which shows none."""
    units = contributions.shape[1]
    return units / (units - 1) * float((contributions.mean(axis=0) ** 2).sum()) if units > 1 else 0.0


def variance_over_seeds(contributions: np.ndarray) -> float:
    """The variance of one seed's score, if each group or fold had a luck of its own."""
    return float(contributions.var(axis=0, ddof=1).sum())


def _quantile(probability: float, freedom: int) -> float:
    """The quantile of Student's t."""
    from scipy.special import stdtrit  # imported here, since many jobs read this module and few compute

    return float(stdtrit(freedom, probability))


def _share_below(value: float, freedom: int) -> float:
    """The probability that Student's t is below ``value``."""
    from scipy.special import stdtr

    return float(stdtr(freedom, value))
