"""Compute the probabilities of labels for recordings, from the folders of trained models alone."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch

from soundbench.core.devices import choose_device, place, prepare_process
from soundbench.core.errors import InputError
from soundbench.core.finite import REMEDY
from soundbench.core.prefetch import mapped_in_threads, prefetched
from soundbench.features.normalisation import Normalisation
from soundbench.features.settings import EMBEDDING, Settings, by_group
from soundbench.inference.windows import ModelInput, Window, recording_windows
from soundbench.models.description import features_shape
from soundbench.models.saved import load_model
from soundbench.tasks.registry import trained_task
from soundbench.tasks.task import Task

BATCH = 16  # windows per batch; they may come from several recordings

# How the probabilities of a recording follow from those of its windows: a function that joins two, and one for the end.
SUMMARIES: dict[str, tuple[np.ufunc, Callable[[np.ndarray, int], np.ndarray]]] = {
    "mean": (np.add, lambda total, windows: total / windows),
    "max": (np.maximum, lambda highest, windows: highest),
}


@dataclass(frozen=True)
class Options:
    """The options of prediction; ``overlap`` is the share of a window that the next window repeats."""

    overlap: float = 0.5
    summary: str = "mean"
    top_k: int = 3
    keep_windows: bool = False


@dataclass(frozen=True)
class Ranked:
    """The numbers of the most probable labels of a part of a recording, best first, and their probabilities.

    ``start`` and ``end`` are in seconds. ``decided`` are the labels that are predicted, where there may be several.
    """

    start: float
    end: float
    labels: np.ndarray
    probabilities: np.ndarray
    decided: str = ""


@dataclass
class Prediction:
    """The prediction for one recording; ``problem`` is the reason if it could not be predicted, and empty otherwise."""

    options: Options
    task: Task
    problem: str = ""
    end: float = 0.0
    windows: int = 0
    total: np.ndarray = field(default_factory=partial(np.empty, 0))
    _times: array[float] = field(default_factory=lambda: array("d"))
    _labels: array[int] = field(default_factory=lambda: array("H"))
    _probabilities: array[float] = field(default_factory=lambda: array("f"))
    _decided: list[str] = field(default_factory=list)

    def add(self, window: Window, probabilities: np.ndarray) -> None:
        """Add the probabilities ``(classes,)`` of the next window."""
        join, _ = SUMMARIES[self.options.summary]
        self.total = join(self.total, probabilities) if self.windows else probabilities.astype(float)
        self.windows += 1
        self.end = window.end
        if self.options.keep_windows:
            order = self.task.rank(probabilities, self.options.top_k)
            self._times.extend((window.start, window.end))
            self._labels.extend(order.tolist())
            self._probabilities.extend(probabilities[order].tolist())
            self._decided.append(self._decide(probabilities))

    def fault(self, path: str) -> str:
        """The problem of the probabilities of the recording at ``path``; empty if there is none."""
        if np.isfinite(self.total).all():
            return ""
        return f"{path}: the model gives probabilities that are not finite; train it again: {REMEDY}"

    @property
    def probabilities(self) -> np.ndarray:
        """The probabilities ``(classes,)`` of the whole recording."""
        return SUMMARIES[self.options.summary][1](self.total, self.windows)

    def ranked(self) -> Ranked:
        """The most probable labels of the whole recording."""
        order = self.task.rank(self.probabilities, self.options.top_k)
        return Ranked(0.0, self.end, order, self.probabilities[order], self._decide(self.probabilities))

    def ranked_windows(self) -> Iterator[Ranked]:
        """The most probable labels of each window, if they were kept."""
        count = len(self._labels) // max(1, self.windows)
        for number in range(len(self._times) // 2):
            ranks = slice(number * count, (number + 1) * count)
            start, end = self._times[2 * number : 2 * number + 2]
            found = np.array(self._labels[ranks]), np.array(self._probabilities[ranks])
            yield Ranked(start, end, *found, self._decided[number])

    def _decide(self, probabilities: np.ndarray) -> str:
        """The labels that are predicted, where there may be several."""
        return (
            str(self.task.decide(probabilities[None])["predicted"].iloc[0]) if self.task.predicted == "several" else ""
        )


class Classifier:
    """One trained model, or several whose probabilities are averaged, such as those of all folds and seeds.

    Args:
        folders: the folder of each model.

    Raises:
        InputError: a folder cannot be used, or the models differ in their task or labels.

    Attributes:
        inputs: what the models take, each once; ``takes`` says by number which of them each model takes.
    """

    def __init__(self, folders: list[str]) -> None:
        # Threads with one core each are faster than operations that use all cores, especially on a busy machine, and
        # the result does not depend on their number.
        prepare_process(0, threads=1)
        self.device = choose_device()
        loaded = [load_model(folder) for folder in folders]
        self.descriptions = [description for _, description in loaded]
        self._check(folders)
        takes = [ModelInput(description["front_end"], features_shape(description)) for description in self.descriptions]
        self.inputs = [each for number, each in enumerate(takes) if each not in takes[:number]]
        self.takes = [self.inputs.index(each) for each in takes]
        self.networks = [place(network, self.device) for network, _ in loaded]
        self.normalise = [Normalisation(**description["normalisation"]) for description in self.descriptions]
        # Each model has what it has learned beside its weights, such as the mean of numbers.
        self.tasks = [trained_task(description) for description in self.descriptions]
        self.task = type(self.tasks[0]).joined(self.tasks)
        self.labels = self.task.labels

    def _check(self, folders: list[str]) -> None:
        first = self.descriptions[0]
        problems = []
        for folder, other in zip(folders, self.descriptions, strict=True):
            if different := [key for key in ("task", "labels") if other[key] != first[key]]:
                problems.append(f"{folder}: differs from {folders[0]} in {' and '.join(different)}")
        if problems:
            raise InputError(problems, "Only models with the same task and the same labels can be averaged:")
        problems = [
            f"{folder}: {problem}"
            for folder, description in zip(folders, self.descriptions, strict=True)
            for problem in _front_end_problems(description["front_end"])
        ]
        if problems:
            raise InputError(problems)

    @torch.inference_mode()
    def probabilities(self, *features: np.ndarray) -> np.ndarray:
        """The mean probabilities ``(batch, classes)``, in float32, of features ``(batch, bins, frames)`` for each of
        :attr:`inputs`."""
        batches = [torch.from_numpy(each).to(self.device).float().unsqueeze(1) for each in features]
        total = torch.zeros(len(features[0]), len(self.labels), device=self.device)
        for network, normalise, task, takes in zip(self.networks, self.normalise, self.tasks, self.takes, strict=True):
            normalised = normalise(batches[takes]).to(memory_format=torch.channels_last)
            total = total + task.activate(network(normalised))
        return (total / len(self.networks)).cpu().numpy()

    def predict(self, paths: Iterable[str], options: Options, threads: int) -> Iterator[Prediction]:
        """One prediction per recording, in order; the next recordings are read at the same time."""
        paths = list(paths)
        finished = iter(paths)
        events = prefetched((self._events(path, options.overlap) for path in paths), threads, 4 * BATCH)
        current = Prediction(options, self.task)
        for batch, results in mapped_in_threads(self._probabilities, _batches(events), threads):
            probabilities = iter(results)
            for event in batch:
                if isinstance(event, Window):
                    current.add(event, next(probabilities))
                else:
                    path = next(finished)
                    current.problem = event or current.fault(path)
                    yield current
                    current = Prediction(options, self.task)

    def _probabilities(self, batch: list[Window | str]) -> np.ndarray:
        """The probabilities of the windows in a batch."""
        windows = [event.features for event in batch if isinstance(event, Window)]
        if not windows:
            return np.empty((0, len(self.labels)))
        return self.probabilities(*(np.stack(features) for features in zip(*windows, strict=True)))

    def _events(self, path: str, overlap: float) -> Iterator[Window | str]:
        """The windows of a recording, then its problem, which is empty if the whole recording could be read."""
        try:
            yield from recording_windows(path, self.inputs, overlap)
        except InputError as error:
            yield str(error)
        else:
            yield ""


def _front_end_problems(settings: Settings) -> Iterator[str]:
    """Why the features of new recordings cannot be computed."""
    if settings["front_end"] == EMBEDDING:
        yield (
            f"needs embeddings by {settings['model']['pretrained']}, whose weights are not in the folder; a model on "
            "an embedding predicts only the clips that were embedded for it"
        )
    if by_group(settings):
        yield (
            "takes features that are normalised by group (normalise: group), and the groups of new recordings are not "
            "known; train a model on other features"
        )


def _batches(events: Iterator[Any]) -> Iterator[list[Any]]:
    """The events in lists of :data:`BATCH` windows each, or of fewer windows if many recordings cannot be read."""
    batch: list[Any] = []
    windows = 0
    for event in events:
        batch.append(event)
        windows += isinstance(event, Window)
        if windows == BATCH or len(batch) == 8 * BATCH:
            yield batch
            batch = []
            windows = 0
    if batch:
        yield batch
