"""Classifiers of scikit-learn in the place of a network: fitted, stored without pickle, and used as networks are."""

from __future__ import annotations

import io
import json
import re
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from soundbench.core.errors import InputError

ESTIMATOR = "estimator"  # the tensor of model.safetensors that holds the pipeline
SCALE = "scale"  # the tensor that holds the scale of its decision values
SMALLEST = 1e-12  # probability, before its logarithm
# Skops does not trust trees, because wrong numbers of nodes make them read beyond their arrays: these are checked.
TREES = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor", "sklearn.tree._tree.Tree")
DATE = (1980, 1, 1, 0, 0, 0)  # of all files in an archive, so that the same pipeline has the same bytes


def one_thread() -> AbstractContextManager[Any]:
    """Let scikit-learn compute on one thread: jobs run side by side, and the last bits depend on the number."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


class FittedHead(nn.Module):
    """A fitted classifier: standardised values ``(batch, values)`` to the logarithms of probabilities."""

    def __init__(self, classifier: Any, classes: int, scale: float) -> None:
        super().__init__()
        self.classifier = classifier
        self.classes = classes
        # A matrix as other last layers have it: embeddings take the number of values from its shape.
        scales = torch.full((1, classifier.n_features_in_), scale, dtype=torch.float64)
        self.weight = nn.Parameter(scales, requires_grad=False)

    @property
    def scale(self) -> float:
        """The factor of decision values."""
        return float(self.weight[0, 0])

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        probabilities = torch.from_numpy(self.probabilities(values.cpu().numpy()))
        return probabilities.clamp(min=SMALLEST).log().float().to(values.device)

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """``(clips, values)`` to ``(clips, classes)``."""
        with one_thread():
            if hasattr(self.classifier, "predict_proba"):
                found = self.classifier.predict_proba(values)
            else:
                found = softmax(self.scale * decisions(self.classifier, values))
        complete = np.zeros((len(values), self.classes))
        complete[:, self.classifier.classes_] = found
        return complete


class FittedClassifier(nn.Module):
    """A fitted pipeline as a network: features ``(batch, 1, bins, frames)`` to the logarithms of probabilities.

    Args:
        pipeline: ``standardise`` and ``classify``; its classes are numbers of labels.
        classes: the number of labels; those that no training clip has get no probability.
        scale: of the decision values of a classifier without probabilities, before their softmax.
    """

    def __init__(self, pipeline: Any, classes: int, scale: float = 1.0) -> None:
        super().__init__()
        self.fitted = pipeline
        self.head = FittedHead(pipeline.named_steps["classify"], classes, scale)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        values = self.fitted.named_steps["standardise"].transform(features.flatten(1).cpu().numpy())
        return self.head(torch.from_numpy(values).to(features.device))


class OutputsHead(nn.Module):
    """Fitted estimators, one per output: standardised values ``(batch, values)`` to outputs ``(batch, outputs)``.

    The output of a classifier, which tells whether a clip has a label, is the logarithm of the odds; that of a
    regressor is its number.

    Args:
        scales: of the decision values of classifiers without probabilities.
    """

    def __init__(self, estimators: list[Any], scales: list[float]) -> None:
        super().__init__()
        self.estimators = estimators
        self.scales = scales
        # As in FittedHead.
        shape = (len(estimators), estimators[0].n_features_in_)
        self.weight = nn.Parameter(torch.ones(shape, dtype=torch.float64), requires_grad=False)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        given = values.cpu().numpy()
        columns = [self._output(given, *each) for each in zip(self.estimators, self.scales, strict=True)]
        return torch.from_numpy(np.stack(columns, axis=1)).float().to(values.device)

    @staticmethod
    def _output(values: np.ndarray, estimator: Any, scale: float) -> np.ndarray:
        if not hasattr(estimator, "classes_"):
            with one_thread():
                return np.asarray(estimator.predict(values))
        logs = np.log(FittedHead(estimator, 2, scale).probabilities(values).clip(min=SMALLEST))
        return np.asarray(logs[:, 1] - logs[:, 0])


class FittedOutputs(nn.Module):
    """Fitted pipelines as a network, one per output: features ``(batch, 1, bins, frames)`` to outputs.

    Args:
        pipelines: ``standardise``, which is the same in all, and ``classify``, a classifier or a regressor.
        scales: of the decision values of classifiers without probabilities.
    """

    def __init__(self, pipelines: list[Any], scales: list[float]) -> None:
        super().__init__()
        self.fitted = pipelines
        self.head = OutputsHead([pipeline.named_steps["classify"] for pipeline in pipelines], scales)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        values = self.fitted[0].named_steps["standardise"].transform(features.flatten(1).cpu().numpy())
        return self.head(torch.from_numpy(values).to(features.device))


def decisions(classifier: Any, values: np.ndarray) -> np.ndarray:
    """Decision values ``(clips, classes)``; of two classes, the negative and the positive value of the one there is."""
    found = classifier.decision_function(values)
    return np.stack([-found, found], axis=1) if found.ndim == 1 else found


def softmax(values: np.ndarray) -> np.ndarray:
    """Along the last axis, to a sum of 1."""
    raised = np.exp(values - values.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def to_state(network: FittedClassifier | FittedOutputs) -> dict[str, torch.Tensor]:
    """What ``model.safetensors`` holds: the pipeline, or the list of them, as skops writes it, as bytes. The same
    pipeline gives the same bytes."""
    from skops.io import dumps

    data = np.frombuffer(_reproducible(dumps(network.fitted)), np.uint8)
    scale = network.head.scale if isinstance(network, FittedClassifier) else network.head.scales
    return {ESTIMATOR: torch.from_numpy(data.copy()), SCALE: torch.tensor(scale, dtype=torch.float64)}


def from_state(
    state: dict[str, torch.Tensor], fitted_by: str, outputs: int, file: Path
) -> FittedClassifier | FittedOutputs:
    """The classifier of a state; it runs no code of the file's own.

    Args:
        fitted_by: what the task asks for, see :class:`soundbench.tasks.task.Task`.

    Raises:
        InputError: the state holds no pipeline of scikit-learn alone, or not one for each of these outputs.
    """
    from skops.io import get_untrusted_types, loads

    if set(state) != {ESTIMATOR, SCALE}:
        raise InputError(f"{file}: holds no fitted classifier")
    data = state[ESTIMATOR].numpy().tobytes()
    try:
        if unknown := sorted(set(get_untrusted_types(data=data)) - set(TREES)):
            raise InputError(f"{file}: holds objects that are not of scikit-learn: {', '.join(unknown)}")
        pipeline = loads(data, trusted=list(TREES))
    except InputError:
        raise
    except Exception as error:  # skops raises errors of any type for damaged data
        raise InputError(f"{file}: cannot be read by skops ({error})") from error
    pipelines = pipeline if isinstance(pipeline, list) else [pipeline]
    if problem := next(filter(None, map(_tree_problem, pipelines)), ""):
        raise InputError(f"{file}: {problem}")
    if fitted_by == "classifier" and not isinstance(pipeline, list):
        return FittedClassifier(pipeline, outputs, float(state[SCALE]))
    if fitted_by != "classifier" and len(pipelines) == outputs == state[SCALE].numel():
        return FittedOutputs(pipelines, state[SCALE].tolist())
    raise InputError(f"{file}: holds {len(pipelines)} fitted pipelines, which do not fit the {outputs} labels")


def _tree_problem(pipeline: Any) -> str:
    """Why the trees of a pipeline could read beyond their arrays; empty if they cannot, or there are none."""
    classifier = pipeline.named_steps["classify"]
    values = classifier.n_features_in_
    for forest in getattr(classifier, "estimators_", []):
        tree = forest.tree_
        children = np.stack([tree.children_left, tree.children_right])
        if children.max() >= tree.node_count or tree.feature.max() >= values or tree.n_features != values:
            return "holds a tree whose nodes are not in it"
    for predictor in [one for each in getattr(classifier, "_predictors", []) for one in each]:
        nodes = predictor.nodes
        largest = max(nodes["left"].max(), nodes["right"].max())
        if largest >= len(nodes) or nodes["feature_idx"].max() >= values or nodes["is_categorical"].any():
            return "holds a tree whose nodes are not in it"
    return ""


def _reproducible(data: bytes) -> bytes:
    """An archive of skops with numbers in the order of appearance for the addresses of objects, and fixed dates."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = archive.read("schema.json").decode()
        files = {name: archive.read(name) for name in archive.namelist() if name != "schema.json"}
    addresses = dict.fromkeys(re.findall(r'"__id__": (\d+)', schema))
    numbers = {address: str(number) for number, address in enumerate(addresses, 1)}
    schema = re.sub(r'"__id__": (\d+)', lambda match: f'"__id__": {numbers[match[1]]}', schema)
    names = {name: f"{number}{Path(name).suffix}" for number, name in enumerate(sorted(files, key=schema.index), 1)}
    for name, short in names.items():
        schema = schema.replace(json.dumps(name), json.dumps(short))
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [("schema.json", schema.encode()), *((names[name], files[name]) for name in names)]:
            archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED)
    return found.getvalue()


def parameter_count(fitted: Any) -> int:
    """The numbers that a fitted pipeline, or each of several, has learned from labels: those in arrays and trees.

    As the statistics of a network's batch norm, those that standardise do not count; nor do the numbers of classes.
    """
    if isinstance(fitted, np.ndarray) and fitted.dtype != object:
        return (
            fitted.size
            if np.issubdtype(fitted.dtype, np.number)
            else sum(fitted[k].size for k in fitted.dtype.names or ())
        )
    if isinstance(fitted, (list, tuple, np.ndarray)):
        return sum(map(parameter_count, fitted))
    if isinstance(fitted, dict):
        return sum(parameter_count(value) for name, value in fitted.items() if name != "classes_")
    if type(fitted).__name__ == "Tree":  # written in Cython: a feature and a threshold per node, and its values
        return 2 * fitted.node_count + fitted.value.size
    if type(fitted).__name__ == "StandardScaler":
        return 0
    if type(fitted).__module__.startswith("sklearn.") and hasattr(fitted, "__dict__"):
        return parameter_count(vars(fitted))
    return 0
