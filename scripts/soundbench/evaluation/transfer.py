"""Evaluation of trained models on another data set, with other recordings."""

from __future__ import annotations

import tempfile
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.schemes import fold_column
from soundbench.data.subsets import view_clips
from soundbench.data.trained_on import known_clips, read_trained_on, sample_digests
from soundbench.data.view import View
from soundbench.tasks.registry import task_class, trained_task
from soundbench.tasks.task import Task


def check_labels(trained: Iterable[str], found: Iterable[str], where: str) -> None:
    """Refuse a data set whose labels are not those that a model was trained on.

    Raises:
        InputError: naming the labels that only one of them has.
    """
    trained = set(trained)
    found = set(found)
    problems = [
        f"only {who}: {', '.join(sorted(labels))}"
        for who, labels in (("the model knows", trained - found), (f"{where} has", found - trained))
        if labels
    ]
    if problems:
        advice = f"keep, drop and merge in datasets.{where} can give it the same labels"
        raise InputError([*problems, advice], f"The labels of {where} are not those of the model:")


def untrained(clips: pd.DataFrame, known: Container[str], groups: Container[str]) -> pd.DataFrame:
    """The clips on which a fold's model may be tested: it was neither trained nor validated on any part of them.

    Args:
        clips: of the data set to test on, with ``group``.
        known: the clips that, or copies of which, the model was trained or validated on.
        groups: the groups that it was trained or validated on, as far as ``clips`` are of the same source.
    """
    return clips[~clips["clip"].isin(known) & ~clips["group"].isin(groups)]


def evaluate_transfer(
    folders: list[str],
    splits: list[str],
    *,
    shared: bool,
    clips: str,
    measures: str,
    overlaps: list[str],
    to: str,
    view: View,
    tested: list[str],
    threads: int,
    predictions: str,
    scores: str,
) -> None:
    """Predict the clips of another data set with every fold's model of every seed.

    Args:
        folders: the models' folders, of all seeds and folds.
        splits: ``seed{seed}.csv`` of the data set they were trained on, one per seed.
        shared: whether both data sets are of one source, so that a group means the same in both.
        clips: the clip table of the data set ``to``, which is the ``view`` on it.
        measures: the measurements of these clips, for the digests of their samples.
        overlaps: which of them are copies of clips of the sources that the models were trained on.
        tested: split tables of that data set: only their test clips count. If empty, all clips count.
        predictions: ``seed, fold, clip, group``, the truth, the decision and one column of values per label.
        scores: one row per model: ``seed, fold, clips, left_out`` and every metric.

    Raises:
        InputError: the labels differ, or the models, or the weights they started from, were trained on these clips.
    """
    from soundbench.core.devices import prepare_process
    from soundbench.features.normalisation import Normalisation
    from soundbench.models.description import crop_of
    from soundbench.models.saved import load_model
    from soundbench.training.batches import load_examples
    from soundbench.training.values import predict_values

    chosen = view_clips(read_clip_table(clips), view)
    if tested:
        from soundbench.evaluation.robustness import clips_of_tests

        chosen = chosen[chosen["clip"].isin(clips_of_tests(tested))]
    _, first = load_model(folders[0])
    if task_class(first) is not (kind := task_class(view)):
        raise InputError(f"{to}: its task is {kind.name}, and that of the models is {task_class(first).name}")
    check_labels(first["labels"], kind.find_labels(chosen), to)
    if (begun := view["source"]) in set(first["sources"]) - {first["source"]}:
        raise InputError(f"{to}: the models started from weights that were trained on recordings of {begun}")
    digests = sample_digests(measures)
    digests = {clip: digests[clip] for clip in chosen["clip"]}
    roles = {Path(path).stem: read_split(path) for path in splits}
    tables = []
    rows = []
    Path(predictions).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=Path(predictions).parent) as folder:
        features, index = _features_like(first, chosen, threads, Path(folder))
        prepare_process(0, threads)
        for path in folders:
            network, model = load_model(path)
            split = roles[f"seed{model['seed']}"]
            groups = split.loc[split[fold_column(model["fold"])].isin(["train", "val"]), "group"] if shared else []
            known = known_clips(digests, overlaps, read_trained_on(Path(path), model))
            own = untrained(chosen, known, set(groups))
            if own.empty:
                raise InputError(f"seed {model['seed']}, fold {model['fold']} was trained on every clip of {to}")
            task = trained_task(model)
            examples = load_examples(features, index, own, task, crop_of(model))
            values = predict_values(network, examples, Normalisation(**model["normalisation"]), task)
            names = {"seed": model["seed"], "fold": model["fold"]}
            tables.append(_table(own, values, task, names))
            rows.append(names | _scored(tables[-1], task, len(chosen) - len(own)))
    labels = first["labels"]
    write_csv(predictions, pd.concat(tables).round(dict.fromkeys(labels, 6)))
    write_csv(scores, pd.DataFrame(rows))


def _features_like(
    description: dict[str, Any], clips: pd.DataFrame, threads: int, folder: Path
) -> tuple[Path, pd.DataFrame]:
    """The features of clips in the shape that a model was trained on, or whole if it was trained on crops, and their
    index."""
    from soundbench.features.clip_features import features_shape
    from soundbench.features.store import store_features
    from soundbench.models.description import crop_of

    settings = description["front_end"]
    whole = settings.get("resize") or crop_of(description)
    frames = features_shape(clips, settings)[1] if whole else description["shape"][1]
    stored_rows = store_features(list(clips["path"]), settings, frames, folder / "features.npy", threads)
    return folder / "features.npy", clips[["clip"]].reset_index(drop=True).join(stored_rows[["row", "frames"]])


def _table(clips: pd.DataFrame, values: np.ndarray, task: Task, names: dict[str, Any]) -> pd.DataFrame:
    table = task.table(clips[["clip", "group", *task.truth_columns(clips)]], values)
    return pd.concat([pd.DataFrame(names, index=table.index), table], axis=1)


def _scored(table: pd.DataFrame, task: Task, left_out: int) -> dict[str, Any]:
    found = task.scores(table)
    return {"clips": len(table), "left_out": left_out} | {metric: found[metric] for metric in task.metrics}
