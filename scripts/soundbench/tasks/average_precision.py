"""Average precision, and how it changes when a group of clips is left out.

A *member* is what is ranked: a clip, or a pair of a clip and a label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soundbench.tasks.evidence import tie_starts


def average_precision(truth: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The area under the steps of precision over recall, as in scikit-learn, ``(resamples,)``; NaN without positives.

    Args:
        truth, scores: ``(members,)``.
        weights: ``(resamples, members)``.
    """
    order = np.argsort(-scores, kind="stable")
    starts = tie_starts(scores[order])
    weights = weights[:, order]
    found = np.add.reduceat(weights * truth[order], starts, axis=1)
    total = np.cumsum(np.add.reduceat(weights, starts, axis=1), axis=1)
    area = (found * _share(np.cumsum(found, axis=1), total)).sum(axis=1)
    return _share(area, found.sum(axis=1), undefined=np.nan)


def precision_without_each(truth: np.ndarray, scores: np.ndarray, positions: np.ndarray, groups: int) -> np.ndarray:
    """The average precision without the members of each group, ``(groups,)``; NaN without positives.

    Its cost is one pass over the ranking per member of the largest group, and not one per group. Groups with more
    members than there are groups are left out one by one.

    Args:
        truth, scores: ``(members,)``.
        positions: the number of the group of each member, below ``groups``.
    """
    order = np.argsort(-scores, kind="stable")
    truth = truth[order].astype(float)
    scores = scores[order]
    positions = positions[order]
    large = np.flatnonzero(np.bincount(positions, minlength=groups) > groups)
    small = np.where(np.isin(positions, large), groups, positions)
    found = _Ranking.of(truth, scores).without_each(truth, small, groups)
    for group in large:
        found[group] = average_precision(truth, scores, (positions != group)[None].astype(float))[0]
    return found


@dataclass(frozen=True)
class _Ranking:
    """Members of falling scores, in blocks of equal scores.

    Attributes:
        blocks: the block of each member, ``(members,)``.
        found: the positives in each block, ``(blocks,)``.
        above, total: the positives and the members from the first block to each block, ``(blocks,)``.
    """

    blocks: np.ndarray
    found: np.ndarray
    above: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, truth: np.ndarray, scores: np.ndarray) -> _Ranking:
        """The ranking of members that are sorted."""
        starts = tie_starts(scores)
        total = np.append(starts[1:], len(scores))
        found = np.add.reduceat(truth, starts)
        return cls(np.repeat(np.arange(len(starts)), total - starts), found, np.cumsum(found), total)

    def without_each(self, truth: np.ndarray, positions: np.ndarray, groups: int) -> np.ndarray:
        """The average precision without each group; members whose position is ``groups`` are in no group."""
        members = np.argsort(positions, kind="stable")  # of each group in turn, in the order of the ranking
        first = np.searchsorted(positions[members], np.arange(groups + 1))
        members = members[: first[-1]]
        own = np.append(0.0, np.cumsum(truth[members]))
        blocks = self.blocks[members]
        area = self._all_positives(blocks, own, first)
        # These are too many: the group's own positives, at the precision without the group.
        last = np.searchsorted(
            positions[members] * len(self.found) + blocks, positions[members] * len(self.found) + blocks, side="right"
        )
        begin = first[positions[members]]
        precision = _share(self.above[blocks] - own[last] + own[begin], self.total[blocks] - last + begin)
        area -= np.bincount(positions[members], truth[members] * precision, groups)
        return _share(area, self.above[-1] - np.diff(own[first]), undefined=np.nan)

    def _all_positives(self, blocks: np.ndarray, own: np.ndarray, first: np.ndarray) -> np.ndarray:
        """The sum over all positives of the precision without each group, ``(groups,)``.

        Between two members of a group in the ranking, the number of its members above is constant. So all groups share
        one cumulative sum of precisions per number of members.

        Args:
            blocks: the block of each member, group by group.
            own: the positives among the members before each, and among all.
            first: where each group begins among the members, and their number.
        """
        known = self.found > 0
        before = np.append(0, np.cumsum(known))  # blocks with positives before each block
        sizes = np.diff(first)
        area = np.zeros(len(sizes))
        for number in range(int(sizes.max(initial=0)) + 1):
            chosen = np.flatnonzero(sizes >= number)
            where = first[chosen] + number
            begin = before[blocks[where - 1]] if number else 0
            end = np.full(len(chosen), before[-1])
            inside = sizes[chosen] > number
            end[inside] = before[blocks[where[inside]]]
            shares = _share(self.found[known], self.total[known] - number)
            precisions = np.append(0.0, np.cumsum(shares * self.above[known]))
            shares = np.append(0.0, np.cumsum(shares))
            left_out = own[where] - own[first[chosen]]
            area[chosen] += precisions[end] - precisions[begin] - left_out * (shares[end] - shares[begin])
        return area


def _share(part: np.ndarray, whole: np.ndarray, undefined: float = 0.0) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(whole), undefined), where=whole > 0)
