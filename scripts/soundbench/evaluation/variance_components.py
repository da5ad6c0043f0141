"""The variance of a score taken apart: seeds, folds, groups of clips, and the finite number of test clips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from soundbench.evaluation.resampling import (
    Resampled,
    contributions,
    group_evidence,
    jackknife_variance,
    variance_over_seeds,
)
from soundbench.tasks.task import Task

COMPONENTS = ("seed_variance", "fold_variance", "group_variance", "binomial_variance")
BLOCKS = 500  # units of clips; more clips than that are drawn into as many blocks, so that large data sets take seconds


@dataclass(frozen=True)
class Level:
    """The variance of one run's score over the units of a level: clips, groups or folds.

    Attributes:
        units: their number.
        common: what is the same for all seeds.
        of_seeds: what each seed adds, as if every unit had a luck of its own.
    """

    units: int
    common: float
    of_seeds: float

    @classmethod
    def of(cls, scores: np.ndarray, without: np.ndarray) -> Level:
        """The level whose units give the scores ``without`` each of them, ``(seeds, units)``."""
        units = without.shape[1]
        if units < 2:
            return cls(units, 0.0, 0.0)
        each = contributions(scores, without)
        of_seeds = variance_over_seeds(each) if len(scores) > 1 else 0.0
        return cls(units, jackknife_variance(each) - of_seeds / len(scores), of_seeds)

    def with_kinds(self, kinds: Sequence[Level]) -> Level:
        """The level of two kinds of groups, of whose pairs this is; the same if there is one kind."""
        each = [kind.common for kind in kinds]
        return replace(self, common=max(sum(each) - self.common, *each)) if each else self


def variance_components(
    task: type[Task], tables: list[pd.DataFrame], groups: pd.DataFrame | pd.Series
) -> dict[str, dict[str, float]]:
    """The variance of one run's score, taken apart; the four parts of each metric add up to the whole.

    ``seed``      training once more: another seed, the networks of all folds;
    ``fold``      what the groups of a fold have in common beyond that: one training set, harder clips;
    ``group``     what the clips of a recording or speaker have in common beyond that;
    ``binomial``  a finite number of test clips, as if they were independent: for accuracy about p (1 - p) / clips.

    Clips lie in groups and groups in folds, and every seed predicts all of them. So the variance over the units of each
    level is estimated by the jackknife of the mean over seeds, without the part that seeds add: the method of moments
    of a crossed and nested design (S. R. Searle, G. Casella and C. E. McCulloch, "Variance Components", 1992, chapter
    4). A level's part is its variance minus that of the level below, which is the design effect (L. Kish, "Survey
    Sampling", 1965). Flips of single clips between seeds are binomial noise too, so the seeds' part is the variance of
    the score over seeds without them. Which sources matter in benchmarks: X. Bouthillier and others, MLSys 2021.

    A part that is estimated below zero is 0. With one seed, the seeds' part is NaN, and the others hold it. Folds are a
    part where all seeds have the same ones; else NaN.

    Args:
        tables: predictions, one table per seed.
        groups: the groups of each clip, indexed by clip.
    """
    named = pd.DataFrame(groups)
    block = np.random.default_rng(0).permutation(len(named)) % BLOCKS
    blocks = group_evidence(task, tables, pd.Series(block, index=named.index)).evidence
    whole = group_evidence(task, tables, named)
    return {
        metric: score_components(blocks.scores_without_each(metric), whole.resampled(metric)) for metric in task.metrics
    }


def score_components(without_block: np.ndarray, sample: Resampled) -> dict[str, float]:
    """The parts of :func:`variance_components` for one metric.

    Args:
        without_block: ``(seeds, blocks)``, the scores without each block of clips.
    """
    (division,) = sample.folds
    without_fold = division.without if division.same else division.without[:, :0]
    clips, pairs, folds, *kinds = (
        Level.of(sample.scores, without)
        for without in (without_block, sample.without_group, without_fold, *sample.without_kind)
    )
    return dict(zip(COMPONENTS, _parts(sample.scores, clips, pairs.with_kinds(kinds), folds), strict=True))


def _parts(scores: np.ndarray, clips: Level, groups: Level, folds: Level) -> tuple[float, float, float, float]:
    """The parts of :data:`COMPONENTS`, from the variances over the units of each level."""
    several = len(scores) > 1
    seed = max(0.0, float(scores.var(ddof=1)) - clips.of_seeds) if several else math.nan
    group = max(groups.common, clips.common)
    fold = max(0.0, folds.common - group) if folds.units > 1 else math.nan
    return seed, fold, group - clips.common, max(0.0, clips.common) + clips.of_seeds
