"""The best constant answer, which every model should beat: the shares of classes or labels, or the mean of numbers."""

from __future__ import annotations

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor

FITTED = True
WITHOUT_ONNX = "skl2onnx does not convert it, and it needs no features"


def build(seed: int) -> ClassifierMixin:
    """The classifier, not yet fitted."""
    return DummyClassifier(strategy="prior")


def build_regressor(seed: int) -> RegressorMixin:
    """The regressor, not yet fitted."""
    return DummyRegressor(strategy="mean")
