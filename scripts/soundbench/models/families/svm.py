"""Support vector machine, with a linear or a radial kernel (C. Cortes and V. Vapnik, Machine Learning, 1995)."""

from __future__ import annotations

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.svm import SVC, SVR

from soundbench.models.families import CLASS_WEIGHTS

FITTED = True
SETTINGS = {
    "kernel": {"description": "`linear`, or `rbf` for a radial kernel.", "enum": ["linear", "rbf"], "default": "rbf"},
    "cost": {
        "description": "Cost of training clips on the wrong side; the smaller, the simpler the boundary.",
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 1.0,
    },
    "gamma": {
        "description": "For `rbf`: inverse width of the kernel; null: 1 / (dimensions × variance).",
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": None,
    },
    **CLASS_WEIGHTS,
}
SEARCH = {"cost": {"log": [0.001, 1000]}, "kernel": {"choice": ["rbf", "linear"]}}


def build(seed: int, *, kernel: str, cost: float, gamma: float | None) -> ClassifierMixin:
    """The classifier, not yet fitted."""
    return SVC(C=cost, kernel=kernel, gamma="scale" if gamma is None else gamma)


def build_regressor(seed: int, *, kernel: str, cost: float, gamma: float | None) -> RegressorMixin:
    """The regressor of a standardised number, not yet fitted."""
    return SVR(C=cost, kernel=kernel, gamma="scale" if gamma is None else gamma)
