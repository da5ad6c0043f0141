"""The most frequent class among the nearest training clips (T. Cover and P. Hart, 1967)."""

from __future__ import annotations

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

FITTED = True
SETTINGS = {
    "neighbours": {"description": "Number of nearest clips.", "type": "integer", "minimum": 1, "default": 5},
    "weights": {
        "description": "Weight of a neighbour: `uniform`, or by inverse `distance`.",
        "enum": ["uniform", "distance"],
        "default": "distance",
    },
}
SEARCH = {"neighbours": {"integer": [1, 15]}, "weights": {"choice": ["distance", "uniform"]}}


def build(seed: int, *, neighbours: int, weights: str) -> ClassifierMixin:
    """The classifier, not yet fitted."""
    return KNeighborsClassifier(neighbours, weights=weights, algorithm="brute")


def build_regressor(seed: int, *, neighbours: int, weights: str) -> RegressorMixin:
    """The regressor, not yet fitted: the mean of the nearest training clips."""
    return KNeighborsRegressor(neighbours, weights=weights, algorithm="brute")
