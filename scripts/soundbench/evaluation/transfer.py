"""Evaluation of trained models on another data set, with other recordings."""

from __future__ import annotations

import tempfile
from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.integrity import DIGEST, read_split
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.subsets import group_columns, named_groups, read_view, with_groups
from soundbench.data.trained_on import known_clips, read_trained_on, sample_digests
from soundbench.data.view import View
from soundbench.evaluation.robustness import clips_of_tests
from soundbench.models.description import Description, windows_of
from soundbench.tasks.registry import task_class
from soundbench.tasks.task import Task

if TYPE_CHECKING:
    from soundbench.evaluation.trained_model import TrainedModel


@dataclass(frozen=True)
class Inputs:
    """The files that a transfer reads.

    Attributes:
        folders: the folders of the models, of all seeds and folds.
        splits: ``seed{seed}.csv`` of the data set they were trained on, one per seed.
        clips: the clip table of the source to test on.
        measures: the measurements of these clips, for the digests of their samples.
        overlaps: which of them are copies of clips of the sources that the models were trained on.
        tested: split tables of the data set to test on: only their test clips count. If empty, all clips count.
    """

    folders: list[str]
    splits: list[str]
    clips: str
    measures: str
    overlaps: list[str]
    tested: list[str]


@dataclass(frozen=True)
class Target:
    """The data set to test on.

    Attributes:
        view: its entry in the configuration.
        shared: whether the models were trained on the same source, so that a group means the same in both data sets.
    """

    name: str
    view: View
    shared: bool


@dataclass(frozen=True)
class Outputs:
    """The tables that a transfer writes.

    Attributes:
        predictions: ``seed, fold, clip``, one or two columns of groups, the truth, the decision and one column of
            values per label.
        scores: one row per model: ``seed, fold, clips, left_out`` and every metric.
    """

    predictions: str
    scores: str


def check_labels(trained: Iterable[str], found: Iterable[str], where: str) -> None:
    """Refuse a data set whose labels are not those that a model was trained on.

    Raises:
        InputError: naming the labels that only one of them has.
    """
    trained = set(trained)
    found = set(found)
    problems = [
        f"labels of {which} only: {', '.join(sorted(labels))}"
        for which, labels in (("the model", trained - found), (where, found - trained))
        if labels
    ]
    if problems:
        advice = f"keep, drop and merge in datasets.{where} can give it the same labels"
        raise InputError([*problems, advice], f"The labels of {where} are not those of the model:")


def untrained(clips: pd.DataFrame, known: Container[str], used: pd.DataFrame) -> pd.DataFrame:
    """The clips on which a fold's model may be tested: it was neither trained nor validated on any part of them.

    Args:
        clips: of the data set to test on, with one or two columns of groups.
        known: the clips that, or copies of which, the model was trained or validated on.
        used: the clips of the same source that it was trained or validated on, with the same columns of groups.
    """
    shared = [clips[name].isin(used[name]) for name in group_columns(clips)]
    return clips[~np.any([clips["clip"].isin(known), *shared], axis=0)]


def check_target(trained: Description, target: Target, clips: pd.DataFrame) -> None:
    """Refuse a data set on which models with the description ``trained`` cannot be tested.

    Raises:
        InputError: its task or its labels are others, or the models started from weights that were trained on it.
    """
    task = task_class(target.view)
    if task_class(trained) is not task:
        raise InputError(
            f"{target.name}: its task is {task.name}, and that of the models is {task_class(trained).name}"
        )
    check_labels(trained["labels"], task.find_labels(clips), target.name)
    source = target.view["source"]
    if source in set(trained["sources"]) - {trained["source"]}:
        raise InputError(f"{target.name}: the models started from weights that were trained on recordings of {source}")


def evaluate_transfer(inputs: Inputs, target: Target, threads: int, outputs: Outputs) -> None:
    """Predict the clips of another data set with every fold's model of every seed.

    Raises:
        InputError: the labels differ, or the models, or the weights they started from, were trained on these clips.
    """
    from soundbench.core.devices import prepare_process
    from soundbench.evaluation.trained_model import TrainedModel

    source = with_groups(read_clip_table(inputs.clips, named_groups(target.view)), target.view)
    clips = _clips_to_test(inputs, target.view)
    first = TrainedModel.load(inputs.folders[0]).description
    check_target(first, target, clips)
    digests = sample_digests(inputs.measures)
    digests = {clip: digests[clip] for clip in clips["clip"]}
    splits = {Path(path).stem: read_split(path) for path in inputs.splits}
    tables = []
    rows = []
    folder = Path(outputs.predictions).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        features, index = _features_like(first, clips, threads, Path(temporary))
        prepare_process(0, threads)
        for path in inputs.folders:
            model = TrainedModel.load(path)
            known = known_clips(digests, inputs.overlaps, read_trained_on(Path(path), model.description))
            split = splits[f"seed{model.description['seed']}"]
            learned = model.with_role(split, "train", "val")["clip"] if target.shared else ()
            own = untrained(clips, known, source[source["clip"].isin(learned)])
            names = {"seed": model.description["seed"], "fold": model.fold}
            if own.empty:
                raise InputError(f"seed {names['seed']}, fold {model.fold} was trained on every clip of {target.name}")
            values = model.predict(model.examples(features, index, own))
            tables.append(prediction_table(own, values, model.task, names))
            rows.append(names | _scored(tables[-1], model, len(clips) - len(own)))
    write_csv(outputs.predictions, pd.concat(tables))
    write_csv(outputs.scores, pd.DataFrame(rows))


def predicted_digests(predictions: str, measures: str) -> set[str]:
    """The digests of the clips in a table of predictions, from the measurements of the clips of their source."""
    return set(read_clip_table(predictions, usecols=["clip"])["clip"].map(sample_digests(measures)))


def _clips_to_test(inputs: Inputs, view: View) -> pd.DataFrame:
    clips = read_view(inputs.clips, view)
    return clips[clips["clip"].isin(clips_of_tests(inputs.tested))] if inputs.tested else clips


def _features_like(
    description: Description, clips: pd.DataFrame, threads: int, folder: Path
) -> tuple[Path, pd.DataFrame]:
    """The features of clips in the shape that a model was trained on, or whole if it was trained on crops, and their
    index."""
    from soundbench.features.size import Lengths, clip_lengths
    from soundbench.features.store import store_features

    settings = description["front_end"]
    whole = settings.get("resize") or windows_of(description)
    own = description["shape"][1]
    lengths = clip_lengths(clips, settings) if whole else Lengths(own, own)
    stored_rows = store_features(list(clips["path"]), settings, lengths, folder / "features.npy", threads)
    return folder / "features.npy", clips[["clip"]].reset_index(drop=True).join(stored_rows.drop(columns=DIGEST))


def prediction_table(clips: pd.DataFrame, values: np.ndarray, task: Task, names: dict[str, Any]) -> pd.DataFrame:
    """The predictions of one model, with ``names`` in the first columns; the clips keep both kinds of their groups."""
    table = task.table(clips[["clip", *group_columns(clips), *task.truth_columns(clips)]], values)
    return pd.concat([pd.DataFrame(names, index=table.index), table], axis=1)


def _scored(table: pd.DataFrame, model: TrainedModel, left_out: int) -> dict[str, Any]:
    found = model.task.scores(table)
    return {"clips": len(table), "left_out": left_out} | {metric: found[metric] for metric in model.task.metrics}
