"""Mean of decision trees on random samples of clips and values (L. Breiman, Machine Learning, 2001)."""

from __future__ import annotations

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

from soundbench.models.families import CLASS_WEIGHTS

FITTED = True
SETTINGS = {
    "trees": {"description": "Number of trees.", "type": "integer", "minimum": 1, "default": 500},
    "smallest_leaf": {"description": "Fewest training clips per leaf.", "type": "integer", "minimum": 1, "default": 1},
    **CLASS_WEIGHTS,
}
SEARCH = {"smallest_leaf": {"integer": [1, 8]}}


def build(seed: int, *, trees: int, smallest_leaf: int) -> ClassifierMixin:
    """The classifier, not yet fitted."""
    return RandomForestClassifier(trees, min_samples_leaf=smallest_leaf, random_state=seed)


def build_regressor(seed: int, *, trees: int, smallest_leaf: int) -> RegressorMixin:
    """The regressor, not yet fitted; each split tries a third of the values, as Breiman proposes for numbers."""
    return RandomForestRegressor(trees, min_samples_leaf=smallest_leaf, max_features=1 / 3, random_state=seed)
