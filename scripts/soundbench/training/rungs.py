"""How successive halving divides the epochs of a model among its trials; this module works without torch."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple


class Rung(NamedTuple):
    """A part of the training: how many trials take part, and the share of their epochs that they have had after it."""

    trials: int
    share: float


def rungs(trials: int, rate: int) -> list[Rung]:
    """The rungs of ``trials`` trials of which one in ``rate`` goes on, until fewer than ``rate`` are left.

    12 trials at a rate of 3: all 12 have a ninth of their epochs, 4 a third, and 1 all of them.
    """
    counts = [trials]
    while counts[-1] >= rate:
        counts.append(counts[-1] // rate)
    return [Rung(count, float(rate) ** (number - len(counts) + 1)) for number, count in enumerate(counts)]


def whole_trainings(trials: int, rate: int) -> float:
    """How many trainings of all epochs take as long as the trials together: 2.9 for 12 trials at a rate of 3."""
    parts = [Rung(0, 0.0), *rungs(trials, rate)]
    return sum(rung.trials * (rung.share - before.share) for before, rung in pairwise(parts))
