"""Coverage of intervals, false positives and power of verdicts, over simulated studies of known truth.

    python tests/benchmarks/intervals.py --studies 500 --out results/intervals
    python tests/benchmarks/intervals.py --own-folds --seeds 3 10

A study compares two models on one data set. The studies come in two kinds:

- ``outcomes``: whether a clip is predicted correctly is drawn, with effects of the group, the clip, the model's own
  strengths, the training set of a fold, and the seed.
- ``trainings``: features of groups are drawn, and small random networks with a ridge regression at the end are trained
  on them. The two models read different features that carry the same information, so they are equally good on average,
  and the luck of the training set is real.

Each line is a design and a procedure: how often the 95 % interval of a score covers the mean over all studies, how
often equal models are called different, and how often a model that is truly better is found. No number of it is
asserted by a test.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "scripts")]

from helpers.estimates import of_sums
from soundbench.evaluation.estimates import LEVEL

DESIGN_COLUMNS = ["kind", "design", "seeds", "score", "difference"]


@dataclass(frozen=True)
class Design:
    """Groups of equal size, dealt out to folds; a group has clips of all classes or of one.

    With ``own_folds``, each seed deals them out anew, as in ``kfold``.
    """

    folds: int
    groups: int
    clips: int
    classes_in_groups: bool = True
    own_folds: bool = False

    def fold_of_groups(self, seeds: int) -> np.ndarray:
        """``(seeds, groups)``; -1 for groups that are never tested, as in a holdout of a fifth."""
        blocks = np.arange(self.groups) // (1 if self.classes_in_groups else CLASSES)
        if self.folds == 1:
            return np.tile(np.where(blocks % 5 == 0, 0, -1), (seeds, 1))
        dealt = np.arange(blocks.max() + 1) % self.folds
        orders = [np.random.default_rng(seed).permutation(dealt) if self.own_folds else dealt for seed in range(seeds)]
        return np.array(orders)[:, blocks]

    def tested(self, seeds: int) -> np.ndarray:
        """The same of the groups that are tested."""
        fold = self.fold_of_groups(seeds)
        return fold[:, fold[0] >= 0]


CLASSES = 5
DESIGNS = {
    "10 speakers, one left out": Design(10, 10, 50),
    "20 groups in 5 folds": Design(5, 20, 20),
    "100 recordings in 5 folds": Design(5, 100, 4, classes_in_groups=False),
    "holdout of 20 recordings": Design(1, 100, 4, classes_in_groups=False),
}


def draw_outcomes(rng: np.random.Generator, design: Design, seeds: int, better: bool) -> np.ndarray:
    """The number of correct clips, ``(models, seeds, tested groups)``, from drawn effects on a normal scale."""
    fold = design.tested(seeds)
    groups = fold.shape[1]
    group = rng.normal(0, 0.6, groups)[None, None, :, None]
    clip = rng.normal(0, 0.8, (1, 1, groups, design.clips))
    strength = rng.normal(0, 0.35, (2, 1, groups, 1)) + rng.normal(0, 0.4, (2, 1, groups, design.clips))
    common = rng.normal(0, 0.05, (2, 1, 1, 1))  # training sets share most of their clips
    # Training sets are the same for all seeds, unless each seed has its own folds.
    training = common + _of_folds(rng.normal(0, 0.03, (2, seeds if design.own_folds else 1, design.folds)), fold)
    seed = _of_folds(rng.normal(0, 0.12, (2, seeds, design.folds)), fold)
    noise = rng.normal(0, 0.5, (2, seeds, groups, design.clips))
    skill = np.array([0.9, 0.6 if better else 0.9])[:, None, None, None]
    return (skill + group + clip + strength + training + seed + noise > 0).sum(axis=-1)


def _of_folds(values: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The values of folds, ``(models, seeds, folds)``, for each group: ``(models, seeds, groups, 1)``."""
    values = np.broadcast_to(values, (len(values), len(fold), values.shape[2]))
    return np.take_along_axis(values, np.broadcast_to(fold, (len(values), *fold.shape)), axis=2)[..., None]


def draw_trainings(rng: np.random.Generator, design: Design, seeds: int, better: bool) -> np.ndarray:
    """The same, from networks that are trained; the second of unequal models reads five features of eight."""
    features = 8
    clips = design.groups * design.clips
    group = np.repeat(np.arange(design.groups), design.clips)
    label = np.arange(clips) % CLASSES if design.classes_in_groups else group % CLASSES
    # The classes are the same in all studies and for both models; groups and clips are drawn.
    centres = np.tile(np.random.default_rng(7).normal(0, 1.3, (CLASSES, features)), 2)
    spread = rng.normal(0, 0.75, (design.groups, 2 * features))
    data = centres[label] + spread[group] + rng.normal(0, 1.1, (clips, 2 * features))
    fold = design.fold_of_groups(seeds)
    correct = np.zeros((2, seeds, design.groups), dtype=int)
    for model, width in enumerate((features, features - 3 if better else features)):
        own = data[:, model * features : model * features + width]
        for seed in range(seeds):
            for number in range(design.folds):
                tested = fold[seed, group] == number
                right = _trained(rng, own, label, ~tested)[tested] == label[tested]
                correct[model, seed] += np.bincount(group[tested], right, design.groups).astype(int)
    return correct[:, :, fold[0] >= 0]


def _trained(rng: np.random.Generator, data: np.ndarray, label: np.ndarray, train: np.ndarray) -> np.ndarray:
    """What a network predicts for all clips: a random hidden layer of 25 units, and ridge regression on top."""
    hidden = 25
    weights = rng.normal(0, data.shape[1] ** -0.5, (data.shape[1], hidden))
    values = np.maximum(data @ weights + rng.normal(0, 0.5, hidden), 0)
    values = np.hstack([values, np.ones((len(values), 1))])
    targets = np.eye(CLASSES)[label] - 1 / CLASSES
    gram = values[train].T @ values[train] + 10 * np.eye(hidden + 1)
    return (values @ np.linalg.solve(gram, values[train].T @ targets[train])).argmax(axis=1)


# A procedure gives mean, lower and upper limit from (seeds, groups) sums, the clips of a group and each group's fold in
# each seed.
Procedure = Callable[[np.ndarray, int, np.ndarray], tuple[float, float, float]]


def ours(sums: np.ndarray, clips: int, fold: np.ndarray) -> tuple[float, float, float]:
    """The procedure of the workflow."""
    found = of_sums(sums, clips, fold if (fold != fold[0]).any() else fold[0])
    return (found.mean, *found.interval())


def t_over_groups(sums: np.ndarray, clips: int, _: np.ndarray) -> tuple[float, float, float]:
    """Student's t over the groups' means over seeds, as if the trained models were fixed."""
    means = sums.mean(axis=0) / clips
    return _t_limits(means.mean(), float(stats.sem(means)), len(means) - 1)


def corrected_t(sums: np.ndarray, clips: int, fold: np.ndarray) -> tuple[float, float, float]:
    """The corrected resampled t-test over folds × seeds (C. Nadeau and Y. Bengio, 2003)."""
    numbers = np.unique(fold)
    values = np.ravel(
        [[own[folds == number].mean() / clips for own, folds in zip(sums, fold, strict=True)] for number in numbers]
    )
    if len(numbers) < 2:
        return float(values.mean()), np.nan, np.nan
    error = np.sqrt(values.var(ddof=1) * (1 / len(values) + 1 / (len(numbers) - 1)))
    return _t_limits(values.mean(), error, len(values) - 1)


def percentile_bootstrap(
    sums: np.ndarray, clips: int, _: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, float]:
    """The percentile bootstrap over groups (B. Efron and R. Tibshirani, 1993, chapter 13)."""
    means = sums.mean(axis=0) / clips
    drawn = means[rng.integers(len(means), size=(500, len(means)))].mean(axis=1)
    low, high = np.percentile(drawn, [50 * LEVEL, 100 - 50 * LEVEL])
    return float(means.mean()), float(low), float(high)


def _t_limits(mean: float, error: float, freedom: int) -> tuple[float, float, float]:
    reach = stats.t.ppf(1 - LEVEL / 2, freedom) * error
    return float(mean), float(mean - reach), float(mean + reach)


def measure(kind: str, name: str, design: Design, seeds: int, studies: int) -> Iterator[dict[str, object]]:
    """One row per procedure for a design."""
    draw = {"outcomes": draw_outcomes, "trainings": draw_trainings}[kind]
    fold = design.tested(seeds)
    equal = [draw(np.random.default_rng([1, number]), design, seeds, False) for number in range(studies)]
    unequal = [draw(np.random.default_rng([2, number]), design, seeds, True) for number in range(studies)]
    truth = float(np.mean(equal)) / design.clips
    gap = float(np.mean([each[0] - each[1] for each in unequal])) / design.clips
    bootstrap = partial(percentile_bootstrap, rng=np.random.default_rng(0))
    procedures: dict[str, Procedure] = {
        "soundbench": ours,
        "t over groups": t_over_groups,
        "corrected resampled t": corrected_t,
        "percentile bootstrap": bootstrap,
    }
    for label, procedure in procedures.items():
        score = np.array([procedure(each[0], design.clips, fold) for each in equal])
        same = np.array([procedure(each[0] - each[1], design.clips, fold) for each in equal])
        other = np.array([procedure(each[0] - each[1], design.clips, fold) for each in unequal])
        known = not np.isnan(score).any()
        yield {
            **dict(zip(DESIGN_COLUMNS, (kind, name, seeds, round(truth, 3), round(gap, 3)), strict=True)),
            "procedure": label,
            "coverage": np.mean((score[:, 1] <= truth) & (truth <= score[:, 2])) if known else np.nan,
            "false_positives": np.mean((same[:, 1] > 0) | (same[:, 2] < 0)) if known else np.nan,
            "power": np.mean(other[:, 1] > 0) if known else np.nan,
        }


PANELS = {
    "coverage": ("95 % intervals that hold the true score", (0.94, 0.96)),
    "false_positives": ("equal models called different", (0.03, 0.05)),
    "power": ("true differences of about 8 points found", None),
}


def draw_figure(table: pd.DataFrame, path: Path) -> None:
    """Three panels, one per column; one row per design, one mark per procedure."""
    from matplotlib import pyplot as plt

    rows = table[DESIGN_COLUMNS[:3]].drop_duplicates().reset_index(drop=True)
    figure, axes = plt.subplots(1, 3, figsize=(13, 0.28 * len(rows) + 1.6), sharey=True, layout="constrained")
    for axis, (column, (title, goal)) in zip(axes, PANELS.items(), strict=True):
        if goal:
            axis.axvspan(*(100 * np.array(goal)), color="0.88", label="goal")
        for (label, part), mark in zip(table.groupby("procedure", sort=False), "os^x", strict=True):
            where = rows.merge(part, on=DESIGN_COLUMNS[:3])
            axis.plot(100 * where[column], range(len(where)), mark, label=label, alpha=0.8)
        axis.set_xlabel(f"{title} (%)")
        axis.grid(axis="y", alpha=0.3)
    axes[0].set_yticks(
        range(len(rows)), [f"{row.design}, seeds: {row.seeds} ({row.kind})" for row in rows.itertuples()]
    )
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    with plt.rc_context({"svg.fonttype": "none"}):  # text as text takes less space
        figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--kinds", nargs="+", choices=["outcomes", "trainings"], default=["outcomes", "trainings"])
    parser.add_argument("--own-folds", action="store_true", help="designs in which each seed draws its own folds")
    parser.add_argument("--out", type=Path, help="folder for intervals.csv and intervals.svg")
    arguments = parser.parse_args()
    designs = DESIGNS
    if arguments.own_folds:
        drawn = {name: design for name, design in DESIGNS.items() if 1 < design.folds < design.groups}
        designs = {f"{name}, of each seed": replace(design, own_folds=True) for name, design in drawn.items()}
    rows: list[dict[str, object]] = []
    for kind in arguments.kinds:
        for name, design in designs.items():
            for seeds in arguments.seeds:
                rows += measure(kind, name, design, seeds, arguments.studies)
                print(pd.DataFrame(rows[-4:]).to_string(index=False, header=len(rows) == 4), flush=True)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        table = pd.DataFrame(rows)
        table.to_csv(arguments.out / "intervals.csv", index=False, float_format="%.4g")
        draw_figure(table, arguments.out / "intervals.svg")


if __name__ == "__main__":
    main()
