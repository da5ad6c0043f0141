"""Logistic regression with one weight per class and value, and a penalty on their squares."""

from __future__ import annotations

from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression

from soundbench.models.families import CLASS_WEIGHTS

FITTED = True
SETTINGS = {
    "cost": {
        "description": "Inverse strength of the penalty; the smaller, the smaller the weights.",
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 1.0,
    },
    **CLASS_WEIGHTS,
}
SEARCH = {"cost": {"log": [0.00001, 10]}}


def build(seed: int, *, cost: float) -> ClassifierMixin:
    """The classifier, not yet fitted."""
    return LogisticRegression(C=cost, max_iter=5000)
