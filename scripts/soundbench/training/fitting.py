"""The fitting of classifiers and regressors of scikit-learn: at once, on all training clips and their copies."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from soundbench.core.errors import InputError
from soundbench.features.normalisation import Normalisation, choose_normalisation
from soundbench.models.families import FAMILIES
from soundbench.models.fitted import (
    FittedClassifier,
    FittedOutputs,
    decisions,
    one_thread,
    parameter_count,
    softmax,
    to_state,
)
from soundbench.models.registry import family_options
from soundbench.tasks.losses import validation_loss
from soundbench.tasks.task import Task
from soundbench.training.examples import Examples
from soundbench.training.inputs import FoldData
from soundbench.training.progress import Row, Stopwatch
from soundbench.training.run import Run, Trained
from soundbench.training.values import predict_values

logger = logging.getLogger(__name__)

FOLDS = 5  # of the cross-validation that calibrates decision values
SCALES = np.geomspace(0.05, 50, 200)  # of decision values, that are tried


def fit_classifier(run: Run, fold: FoldData) -> Trained:
    """Fit what the task of a run asks for, and calibrate the probabilities of classifiers that have none of their own.

    Raises:
        InputError: a classifier cannot be fitted to these clips.
    """
    stopwatch = Stopwatch()
    training = fold.parts["train"]
    normalise = choose_normalisation(run.front_end, fold.statistics)
    values = _flat(training, normalise)
    _check(run, len(values), training.targets.numpy())
    network = FITTED_BY[fold.task.fitted_by](run, values, training, fold.task)
    network.eval()
    row = {"epoch": 1.0} | _progress("train", network, training, normalise, fold.task)
    if len(fold.parts["val"]):
        row |= _progress("val", network, fold.parts["val"], normalise, fold.task)
        fold.task.fit_decision(
            lambda: predict_values(network, fold.parts["val"], normalise, fold.task), fold.with_role("val")
        )
    seconds = stopwatch.read()
    logger.info("%s fitted to %d examples in %.2f s", run.tag, len(values), seconds["wall"])
    return Trained(
        to_state(network), [row], 1, 1, normalise, parameter_count(network.fitted), seconds=seconds, device="cpu"
    )


def _flat(examples: Examples, normalise: Normalisation) -> np.ndarray:
    """The normalised features of all examples, ``(examples, values)`` float32."""
    features = torch.from_numpy(examples.features(np.arange(len(examples)))).float()
    return normalise(features).flatten(1).numpy()


def _check(run: Run, clips: int, targets: np.ndarray) -> None:
    neighbours = run.recipe.get("neighbours", 1)
    if neighbours > clips:
        where = f"{run.tag} models.{run.model}.neighbours"
        raise InputError(f"{where}: {neighbours} neighbours are too many; this fold has {clips} training clips")
    # Where each label has a classifier of its own, one that all clips have gets a constant.
    if targets.ndim == 1 and len(np.unique(targets)) < 2:
        raise InputError(f"{run.tag} all training clips have one label; a classifier needs two or more")


def _one_classifier(run: Run, values: np.ndarray, training: Examples, task: Task) -> FittedClassifier:
    pipeline, scale = _classifier(run, values, training.targets.numpy(), training.groups)
    return FittedClassifier(pipeline, len(task.labels), scale)


def _classifiers(run: Run, values: np.ndarray, training: Examples, task: Task) -> FittedOutputs:
    """One classifier per label; a constant one if all training clips have the label, or none has it."""
    found = []
    for targets in training.targets.numpy().astype(int).T:
        constant = len(np.unique(targets)) < 2
        own = replace(run, recipe={"family": "majority"}) if constant else run
        found.append(_classifier(own, values, targets, training.groups))
    pipelines, scales = zip(*found, strict=True)
    return FittedOutputs(list(pipelines), list(scales))


def _regressors(run: Run, values: np.ndarray, training: Examples, task: Task) -> FittedOutputs:
    """One regressor per standardised number."""
    pipelines = [_fit(run, values, targets, "build_regressor") for targets in training.targets.double().numpy().T]
    return FittedOutputs(pipelines, [1.0] * len(pipelines))


Fit = Callable[[Run, np.ndarray, Examples, Task], FittedClassifier | FittedOutputs]
FITTED_BY: dict[str, Fit] = {"classifier": _one_classifier, "classifiers": _classifiers, "regressors": _regressors}


def _classifier(run: Run, values: np.ndarray, targets: np.ndarray, groups: np.ndarray | None) -> tuple[Any, float]:
    """A fitted pipeline, and the scale of its decision values; 1 if it has probabilities of its own."""

    def fitted(chosen: np.ndarray) -> Any:
        return _fit(run, values[chosen], targets[chosen])

    pipeline = fitted(np.arange(len(values)))
    return pipeline, 1.0 if hasattr(pipeline, "predict_proba") else _calibrated(fitted, values, targets, groups)


def _fit(run: Run, values: np.ndarray, targets: np.ndarray, build: str = "build") -> Any:
    """The pipeline of a run, fitted: each value is standardised on these examples.

    Args:
        build: the function of the family.
    """
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    options = family_options(run.recipe)
    weighting = options.pop("class_weights", "none")
    estimator = getattr(FAMILIES.load(run.recipe["family"]), build)(run.seed, **options)
    pipeline = Pipeline([("standardise", StandardScaler()), ("classify", estimator)])
    weights = {}
    if weighting == "inverse" and build == "build":
        classes, numbers, counts = np.unique(targets, return_inverse=True, return_counts=True)
        weights["classify__sample_weight"] = len(targets) / (len(classes) * counts[numbers])
    with one_thread():
        return pipeline.fit(values, targets, **weights)


def _calibrated(
    fitted: Callable[[np.ndarray], Any], values: np.ndarray, targets: np.ndarray, groups: np.ndarray | None
) -> float:
    """The scale of decision values whose softmax is most probable (C. Guo et al., "On calibration", ICML 2017).

    The values are those of clips that the classifier was not fitted to: cross-validation within the training clips,
    which divides no group. A scale does not change which label is predicted.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.arange(len(targets)) if groups is None else groups
    # No more parts than groups, nor than clips of the largest class, which scikit-learn refuses.
    count = min(FOLDS, len(np.unique(groups)), np.bincount(targets).max())
    if count < 2:
        return 1.0
    classes = np.unique(targets)
    numbers: list[np.ndarray] = []
    truths: list[np.ndarray] = []
    for training, tested in StratifiedGroupKFold(count).split(values, targets, groups):
        if len(np.unique(targets[training])) < len(classes):
            continue  # decision values of fewer classes say nothing about the scale
        numbers.append(decisions(fitted(training), values[tested]))
        truths.append(np.searchsorted(classes, targets[tested]))
    if not numbers:
        return 1.0
    found = np.concatenate(numbers)
    truth = np.concatenate(truths)[:, None]
    losses = [-np.log(np.take_along_axis(softmax(scale * found), truth, 1) + 1e-12).mean() for scale in SCALES]
    return float(SCALES[int(np.argmin(losses))])


def _progress(part: str, network: torch.nn.Module, examples: Examples, normalise: Normalisation, task: Task) -> Row:
    """The mean loss and the task's measure of progress, as a network's history has them."""
    outputs = network(normalise(torch.from_numpy(examples.features(np.arange(len(examples)))).float()))
    loss = validation_loss(task)(outputs, examples.targets)
    correct = task.progress_sum(outputs, examples.targets)
    return {f"{part}_loss": float(loss), f"{part}_{task.progress}": float(correct) / len(examples)}
