"""Linear regression with a penalty on the squares of the weights (A. Hoerl and R. Kennard, Technometrics 12, 1970).

Labels are regressed as numbers, which makes it a linear classifier that is fitted at once.
"""

from __future__ import annotations

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.linear_model import Ridge, RidgeClassifier

from soundbench.models.families import CLASS_WEIGHTS

FITTED = True
SETTINGS = {
    "penalty": {
        "description": "Strength of the penalty; the larger, the smaller the weights.",
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 1.0,
    },
    **CLASS_WEIGHTS,
}
SEARCH = {"penalty": {"log": [0.1, 100000]}}


def build(seed: int, *, penalty: float) -> ClassifierMixin:
    """The classifier, not yet fitted."""
    return RidgeClassifier(alpha=penalty)


def build_regressor(seed: int, *, penalty: float) -> RegressorMixin:
    """The regressor of a standardised number, not yet fitted."""
    return Ridge(alpha=penalty)
