"""A score of predictions, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Metric:
    """A score of predictions.

    Attributes:
        title: its name in figures and pages.
        compute: from what the task's evidence holds of a set of clips to the score; see the task.
        higher_is_better: whether a higher score is a better one.
        lowest, highest: the limits of the score, which its interval does not pass.
        percent: whether it is a share, which is shown in percent.
        without_each: a fast way to compute it without each of ``groups`` groups, from the predictions of one seed and
            the number of the group of each clip: ``(groups,)``.
    """

    title: str
    compute: Callable[..., np.ndarray]
    higher_is_better: bool = True
    lowest: float = 0.0
    highest: float = 1.0
    percent: bool = True
    without_each: Callable[..., np.ndarray] | None = None

    @property
    def factor(self) -> int:
        """From a score to the number that is shown."""
        return 100 if self.percent else 1

    @property
    def heading(self) -> str:
        """The title with the unit, for an axis or a column."""
        return f"{self.title} (%)" if self.percent else self.title

    def format(self, score: float | None) -> str:
        """A score without its unit: ``85.5`` of a share, three significant digits of others; a dash for none."""
        if score is None or pd.isna(score):
            return "–"
        if self.percent:
            return f"{100 * score:.1f}"
        return f"{score:#.3g}".rstrip(".") if abs(score) < 100 else f"{score:,.0f}"

    def interval(self, low: float | None, high: float | None, dash: str = " – ") -> str:
        """``81.3 – 88.6`` without a unit; one dash where one group of clips gives no interval."""
        if low is None or pd.isna(low):
            return "–"
        return f"{self.format(low)}{dash}{self.format(high)}"

    def with_unit(self, score: float | None) -> str:
        """``85.5 %``, or the number alone; a dash for none."""
        text = self.format(score)
        return f"{text} %" if self.percent and text != "–" else text

    def difference(self, change: float) -> str:
        """A difference of two scores with its sign, in points of a share; what is rounded to zero has a plus.

        A minus is as wide as a plus.
        """
        text = f"{100 * change:+z.1f}" if self.percent else f"{change:+z.3g}"
        return text.replace("-", "−", 1)

    def points(self, change: float) -> str:
        """The size of a difference with its unit: ``1.2 points``."""
        return f"{100 * change:.1f} points" if self.percent else f"{change:.3g}"
