"""The workflow's job that predicts recordings: it chooses the models, writes the tables, and lists training clips."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.integrity import read_split
from soundbench.core.storage import atomic_path, file_sha256, read_clip_table, read_json, write_json
from soundbench.data.parts import file_of
from soundbench.data.schemes import fold_column
from soundbench.inference.classifier import Classifier, Options
from soundbench.inference.recordings import Recording, find_recordings
from soundbench.inference.tables import SpreadsheetWriter, columns, rows
from soundbench.models.description import Description
from soundbench.training.tuning import validation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Models:
    """The files of the models to predict with.

    ``weights`` are those of each model to average, or, with ``histories``, of all models to choose from. ``histories``
    has the history of each model; it is empty if there is no choice. ``clips`` holds the table of the clips that the
    models come from, and ``splits`` one table per seed; both are empty if these are not known.
    """

    weights: list[str]
    histories: list[str] = field(default_factory=list)
    clips: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Outputs:
    """The tables with one row per recording, per window, and per recording that could not be predicted; and the record
    ``about`` the models that were used."""

    predictions: str
    windows: str
    unreadable: str
    about: str


def predict_clips(
    models: Models, recordings: list[str], options: dict[str, Any], threads: int, outputs: Outputs
) -> None:
    """Predict recordings, and write the results in their order.

    Args:
        recordings: files and folders, as for :func:`find_recordings`.
        options: ``overlap``, ``summary`` and ``top_k``, as for :class:`Options`.

    Raises:
        InputError: no recording can be predicted.
    """
    folders = [str(Path(weights).parent) for weights in models.weights]
    losses = validation_losses(folders, models.histories)
    if losses:
        best = min(losses, key=losses.__getitem__)
        folders = [folder for folder in folders if model_name(folder) == best]
        logger.info("chosen by its mean validation loss: %s (%s)", best, _sorted_losses(losses))
    classifier = Classifier(folders)
    if classifier.task.predicted == "numbers":
        raise InputError(
            f"{folders[0]}: predicts numbers, which have no page; use soundbench-predict for a table of them"
        )
    how = Options(**options, keep_windows=True)
    found = find_recordings(recordings, classifier.labels)
    bad = _write(classifier, found, how, threads, outputs)
    names = ("dataset", "model", "seed", "fold")
    report: dict[str, Any] = {
        "models": [{name: description.get(name) for name in names} for description in classifier.descriptions],
        "task": classifier.task.name,
        "labels": classifier.labels,
        "validation_losses": losses,
        "options": options,
        "recordings": len(found),
        "unreadable": bad,
        "trained_on": trained_on(found, models.clips, models.splits, classifier.descriptions),
    }
    if report["trained_on"]:
        logger.warning("%d of the recordings are clips that the model was trained on", len(report["trained_on"]))
    write_json(outputs.about, report)


def _write(classifier: Classifier, recordings: list[Recording], how: Options, threads: int, outputs: Outputs) -> int:
    """Predict and write the three tables; returns the number of recordings that could not be predicted."""
    problems: list[str] = []
    names = columns(how.top_k, classifier.task)
    with ExitStack() as stack:
        files = [
            stack.enter_context(stack.enter_context(atomic_path(path)).open("w", encoding="utf-8", newline=""))
            for path in (outputs.predictions, outputs.windows, outputs.unreadable)
        ]
        writers = [SpreadsheetWriter(file, names) for file in files[:2]]
        reasons = SpreadsheetWriter(files[2], ["file", "reason"])
        found = classifier.predict([recording.path for recording in recordings], how, threads)
        for recording, prediction in zip(recordings, found, strict=True):
            for writer, each in zip(writers, (False, True), strict=True):
                writer.writerows(rows(recording, prediction, windows=each))
            if prediction.problem:
                problems.append(prediction.problem)
                reason = prediction.problem.removeprefix(f"{recording.path}: ")
                reasons.writerows([{"file": recording.path, "reason": reason}])
                logger.warning("%s", prediction.problem)
        if len(problems) == len(recordings):
            raise InputError(problems, "No recording can be predicted:")
    return len(problems)


def model_name(folder: str) -> str:
    """The name of the model in ``<results>/runs/{dataset}/{model}/seed{seed}/fold{fold}``."""
    return Path(folder).parts[-3]


def validation_losses(folders: list[str], histories: list[str]) -> dict[str, float]:
    """Each model's validation loss at the epoch whose weights are kept, averaged over its folds and seeds.

    The test folds are not used.

    Args:
        histories: the history of the training in each folder; empty if no model is to be chosen.

    Raises:
        InputError: a model was not validated.
    """
    losses = defaultdict(list)
    for folder, history in zip(folders, histories, strict=bool(histories)):
        loss = validation(read_json(Path(folder) / "model.json"), history).loss
        if math.isnan(loss):
            raise InputError(f"{history}: has no validation loss, so the best model cannot be chosen; name the model")
        losses[model_name(folder)].append(loss)
    return {name: round(float(sum(values) / len(values)), 6) for name, values in losses.items()}


def _sorted_losses(losses: dict[str, float]) -> str:
    return ", ".join(f"{name} {loss:.3f}" for name, loss in sorted(losses.items(), key=lambda each: each[1]))


def trained_on(
    recordings: list[Recording], clips: list[str], splits: list[str], descriptions: list[Description]
) -> list[str]:
    """The recordings whose files are copies, byte by byte, of files with clips that one of the models was trained or
    validated on."""
    known: set[str] = set()
    for table in map(read_clip_table, clips):
        digests = table.set_index("clip")["sha256"]
        roles = {Path(split).stem: read_split(split).set_index("clip") for split in splits}
        for description in descriptions:
            role = roles[f"seed{description['seed']}"][fold_column(description["fold"])]
            known |= set(digests[role.index[role.isin(["train", "val"])]])
    return [recording.path for recording in recordings if known and _digest(recording.path) in known]


def _digest(path: str) -> str | None:
    file = file_of(path)
    return file_sha256(file) if file.is_file() else None
