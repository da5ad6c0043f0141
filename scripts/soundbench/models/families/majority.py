"""The most frequent class: what every model should beat. Its probabilities are the shares of the classes."""

from __future__ import annotations

from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier

FITTED = True
WITHOUT_ONNX = "skl2onnx does not convert it, and it needs no features"


def build(seed: int) -> ClassifierMixin:
    """The classifier, not yet fitted."""
    return DummyClassifier(strategy="prior")
