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
- **Folds that differ between seeds** have nothing to do with each other. What the variance over the folds of one seed
  has beyond that over its groups is the luck of its networks. The mean over seeds is added, divided by their number.
- **Views** of one source may have other folds. What each side adds over its own folds is added up.
- **Training sets.** Training sets of a cross-validation share most of their clips, so its folds cannot show how much
  another training set would have changed (Y. Bengio and Y. Grandvalet, "No unbiased estimator of the variance of
  k-fold cross-validation", JMLR 5, 2004). :data:`TRAINING_SETS` is what the variance is multiplied by for that. It was
  chosen by simulation with real trainings (``tests/benchmarks/intervals.py``). The correction of C. Nadeau and
  Y. Bengio (Machine Learning 52, 2003) multiplies by about 2, and finds half of the differences.

A holdout has one training set, and no fold shows its luck: its error is conditional on the trained models.

**No error at all**, as of a model that is right on every clip, is not believed: see :func:`least_error`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from soundbench.evaluation.resampling import (
    Folds,
    GroupEvidence,
    Resampled,
    contributions,
    jackknife_variance,
    mean_variance,
    variance_over_seeds,
)
from soundbench.tasks.metric import Metric

CONFIDENCE = 0.95
LEVEL = 1 - CONFIDENCE
POWER = 0.8
TRAINING_SETS = 4 / 3
MOST_SEEDS = 1000
NEGLIGIBLE = 1e-12  # a standard error below this is rounding
UNLIMITED = (-math.inf, math.inf)


@dataclass(frozen=True)
class Estimate:
    """A mean, its standard error, and the degrees of freedom of Student's t for it.

    Attributes:
        mean: of the score, or of the difference of two scores, over seeds.
        error: the standard error; NaN if there are fewer than two groups.
        freedom: groups - 1.
        seeds: the number of seeds.
        seed_variance: what one seed alone adds to the variance.
        limits: the lowest and the highest value that there is.
    """

    mean: float
    error: float
    freedom: int
    seeds: int = 1
    seed_variance: float = 0.0
    limits: tuple[float, float] = UNLIMITED

    def interval(self) -> tuple[float, float]:
        """The ends of the 95 % interval, which does not pass the limits; NaN if the error is unknown."""
        if math.isnan(self.error):
            return math.nan, math.nan
        reach = _quantile(1 - LEVEL / 2, self.freedom) * self.error
        lowest, highest = self.limits
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

    def power(self, difference: float, seeds: int | None = None, tests: int = 1) -> float:
        """The probability that a test at 5 % finds a true ``difference`` (noncentral t; J. Cohen, 1988, chapter 2).

        Args:
            seeds: the number of seeds of the test, by default of this estimate.
            tests: the number of tests that p is corrected for. Holm's correction finds at least as much as that of
                Bonferroni, whose limit is used here.
        """
        from scipy.special import nctdtr

        error = self._error_with(seeds or self.seeds)
        if math.isnan(error):
            return math.nan
        if error < NEGLIGIBLE:
            return float(difference != 0)
        shift = abs(difference) / error
        limit = _quantile(1 - LEVEL / tests / 2, self.freedom)
        found = 1 - nctdtr(self.freedom, shift, limit) + nctdtr(self.freedom, shift, -limit)
        return float(np.nan_to_num(found, nan=1.0))  # SciPy gives NaN where the shift is far beyond the limit

    def smallest_difference(self, tests: int = 1) -> float:
        """The true difference that a test with these clips and seeds finds with a power of 80 %, approximately.

        Infinity if it would be beyond the limits: then not even the largest difference is found so often.

        Args:
            tests: as of :meth:`power`.
        """
        found = (_quantile(1 - LEVEL / tests / 2, self.freedom) + _quantile(POWER, self.freedom)) * self.error
        return math.inf if found > self.limits[1] else found

    def seeds_needed(self, difference: float, tests: int = 1) -> float:
        """The number of seeds with which the test finds ``difference`` with a power of 80 %.

        More seeds average out the luck of training, but not the choice of clips: infinity if no number suffices.
        NaN if the error is unknown or if one seed shows no luck of seeds.
        """
        if math.isnan(self.error) or self.seeds < 2:
            return math.nan
        if self.power(difference, MOST_SEEDS, tests) < POWER:
            return math.inf
        low = 1
        high = MOST_SEEDS
        while low < high:
            middle = (low + high) // 2
            if self.power(difference, middle, tests) >= POWER:
                high = middle
            else:
                low = middle + 1
        return low

    def _error_with(self, seeds: int) -> float:
        changed = self.error**2 + self.seed_variance * (1 / seeds - 1 / self.seeds)
        return math.sqrt(max(changed, 0.0)) if not math.isnan(changed) else math.nan


def estimate(sample: Resampled, limits: tuple[float, float] = UNLIMITED) -> Estimate:
    """The mean over seeds, with the error described in the module's docstring.

    Args:
        sample: the scores of a run, or the differences of two.
        limits: the lowest and the highest value that a score, or a difference, can have.
    """
    scores = sample.scores
    seeds = len(scores)
    mean = float(scores.mean())
    groups = min(each.shape[1] for each in sample.without_kind or [sample.without_group])
    if groups < 2:
        return Estimate(mean, math.nan, 0, seeds)
    of_groups = contributions(scores, sample.without_group)
    over_groups = jackknife_variance(of_groups)
    if sample.without_kind:
        kinds = [jackknife_variance(contributions(scores, without)) for without in sample.without_kind]
        over_groups = max(sum(kinds) - over_groups, *kinds)
    of_folds = [_variance_of_folds(scores, of_groups, folds) for folds in sample.folds]
    luck = sum(of_seed for of_seed, _ in of_folds)
    variances = [max(over_groups + of_seed / seeds, over_folds) for of_seed, over_folds in of_folds]
    variance = sum(variances) - (len(variances) - 1) * over_groups  # groups count once
    error = math.sqrt(TRAINING_SETS * variance)
    if error < NEGLIGIBLE:
        error = least_error(mean, groups, limits)
    return Estimate(mean, error, groups - 1, seeds, TRAINING_SETS * luck, limits)


def _variance_of_folds(scores: np.ndarray, of_groups: np.ndarray, folds: Folds) -> tuple[float, float]:
    """What the luck of networks adds to the variance of one seed's score, and the variance of the mean over folds.

    The latter holds this luck and what else the groups of a fold share. It is 0 where each seed has its own folds.

    Args:
        of_groups: the contributions of the groups.
    """
    of_folds = contributions(scores, folds.without) if folds.without.shape[1] else scores[:, None] - scores.mean()
    if not folds.same:
        return max(0.0, mean_variance(of_folds) - mean_variance(of_groups)), 0.0
    luck = variance_over_seeds(of_folds) - variance_over_seeds(of_groups) if len(scores) > 1 else 0.0
    return max(0.0, luck), jackknife_variance(of_folds)


def least_error(mean: float, groups: int, limits: tuple[float, float]) -> float:
    """The error where all groups show the same, such as no mistake. It is 0 if the values have no limits.

    Up to a share of ``1 - 0.025 ** (1 / groups)`` of all groups may be different from these (C. J. Clopper and E. S.
    Pearson, Biometrika 26, 1934; the "rule of three"), at worst by the whole way from the mean to a limit. The 95 %
    interval reaches as far.
    """
    most = max(mean - limits[0], limits[1] - mean)
    different = 1 - (LEVEL / 2) ** (1 / groups)
    return 0.0 if math.isinf(most) else different * most / _quantile(1 - LEVEL / 2, groups - 1)


def estimate_score(evidence: GroupEvidence, name: str, metric: Metric) -> Estimate:
    """The mean score over seeds, and its error.

    Args:
        name, metric: the metric, and its name in ``evidence``.
    """
    return estimate(evidence.resampled(name), limits=(metric.lowest, metric.highest))


def estimate_difference(first: Resampled, second: Resampled, metric: Metric) -> Estimate:
    """The score of the first minus that of the second, and its error.

    Args:
        first, second: on the same clips with the same seeds.
    """
    most = metric.highest - metric.lowest
    return estimate(first - second, limits=(-most, most))


def _quantile(probability: float, freedom: int) -> float:
    """The quantile of Student's t."""
    from scipy.special import stdtrit  # imported here, since many jobs read this module and few compute

    return float(stdtrit(freedom, probability))


def _share_below(value: float, freedom: int) -> float:
    """The probability that Student's t is below ``value``."""
    from scipy.special import stdtr

    return float(stdtr(freedom, value))
