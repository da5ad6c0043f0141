"""Trees that each correct the sum of those before (J. Friedman, 2001; histograms as in LightGBM, 2017)."""

from __future__ import annotations

from typing import Any

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from soundbench.models.families import CLASS_WEIGHTS

FITTED = True
WITHOUT_ONNX = "skl2onnx does not convert it with the present scikit-learn"
SETTINGS = {
    "rounds": {"description": "Trees per class.", "type": "integer", "minimum": 1, "default": 100},
    "learning_rate": {
        "description": "Share of each tree's correction that is added.",
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 0.1,
    },
    "leaves": {"description": "Most leaves per tree.", "type": "integer", "minimum": 2, "default": 31},
    "smallest_leaf": {"description": "Fewest training clips per leaf.", "type": "integer", "minimum": 1, "default": 5},
    **CLASS_WEIGHTS,
}
SEARCH = {"learning_rate": {"log": [0.01, 0.5]}, "leaves": {"integer": [2, 63]}, "rounds": {"integer": [20, 200]}}


def build(seed: int, *, rounds: int, learning_rate: float, leaves: int, smallest_leaf: int) -> ClassifierMixin:
    """The classifier, not yet fitted."""
    return HistGradientBoostingClassifier(**_arguments(seed, rounds, learning_rate, leaves, smallest_leaf))


def build_regressor(seed: int, *, rounds: int, learning_rate: float, leaves: int, smallest_leaf: int) -> RegressorMixin:
    """The regressor, not yet fitted."""
    return HistGradientBoostingRegressor(**_arguments(seed, rounds, learning_rate, leaves, smallest_leaf))


def _arguments(seed: int, rounds: int, learning_rate: float, leaves: int, smallest_leaf: int) -> dict[str, Any]:
    return {
        "max_iter": rounds,
        "learning_rate": learning_rate,
        "max_leaf_nodes": leaves,
        "min_samples_leaf": smallest_leaf,
        "max_features": 0.1,
        "early_stopping": False,
        "random_state": seed,
    }
