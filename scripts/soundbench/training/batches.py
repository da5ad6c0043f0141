"""The examples that a job trains, validates or tests on, read from feature arrays and their indexes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from soundbench.core.errors import InputError
from soundbench.core.integrity import NAMED, checked_array, damaged
from soundbench.core.storage import read_clip_table
from soundbench.data.copies import Rules, check_parents, training_copies
from soundbench.features.crops import Crop
from soundbench.features.files import FeatureFiles
from soundbench.tasks.task import Task
from soundbench.training.examples import Examples


def _examples(
    array: str | Path, index: pd.DataFrame, rows: np.ndarray, clips: pd.DataFrame, task: Task, crop: Crop | None
) -> Examples:
    targets = torch.from_numpy(task.encode(clips))
    frames = None if crop is None else index.set_index("row")["frames"].loc[rows].to_numpy()
    sources = np.zeros(len(rows), dtype=int)
    groups = clips["group"].to_numpy(str) if "group" in clips else None
    return Examples((checked_array(array, index, rows),), sources, rows, targets, crop, frames, groups)


def load_examples(
    array: str | Path, index: pd.DataFrame, clips: pd.DataFrame, task: Task, crop: Crop | None = None
) -> Examples:
    """The examples of ``clips`` (``clip`` and the task's truth); ``index`` gives their rows in the feature array.

    Args:
        crop: the crops that a model takes, if it does not take whole clips.

    Raises:
        InputError: the array or the index was changed after it was written.
    """
    if missing := sorted(set(clips["clip"]) - set(index["clip"])):
        raise damaged(array, f"lacks {', '.join(missing[:NAMED])} in its index")
    return _examples(array, index, index.set_index("clip")["row"].loc[clips["clip"]].to_numpy(), clips, task, crop)


def find_copies(index: pd.DataFrame, copies: pd.DataFrame) -> pd.DataFrame:
    """Add to the ``copies`` of one variant (``clip, label, variant, copy``) their ``file`` and their ``row`` in its
    features.

    If more copies of a clip are requested than were made, the existing copies are repeated.

    Raises:
        InputError: a clip has no copy at all.
    """
    if missing := sorted(set(copies["clip"]) - set(index["clip"])):
        raise InputError(f"{copies['variant'].iloc[0]}: no copy was made of {', '.join(missing)}")
    existing = copies["clip"].map(index["clip"].value_counts())
    requested = copies.assign(copy=(copies["copy"] - 1) % existing + 1)
    return requested.merge(index[["clip", "copy", "file", "row"]], on=["clip", "copy"])


@dataclass(frozen=True)
class Copies:
    """The augmented copies that a view requests.

    Attributes:
        variants: the features of each variant.
        seed: it decides which clips are copied, where ``rules`` leave that open.
    """

    rules: Rules
    variants: dict[str, FeatureFiles]
    seed: int


def load_training(
    features: str | Path,
    index: pd.DataFrame,
    clips: pd.DataFrame,
    roles: pd.Series,
    task: Task,
    copies: Copies,
    crop: Crop | None = None,
) -> Examples:
    """The training clips, then the augmented copies of them.

    Args:
        clips: all clips of the split.
        roles: the role of each of these clips.
        crop: the random crops that a model is trained on.

    Raises:
        InputError: an example is a clip without the role ``train``, or a copy of one; or features were changed after
            they were written.
    """
    training_clips = clips[roles == "train"]
    examples = load_examples(features, index, training_clips, task, crop)
    parents = training_clips.set_index("clip")
    tables = [training_clips.assign(copy=0, variant="", file="")]
    for variant, requested in training_copies(training_clips, copies.rules, copies.seed).groupby("variant", sort=False):
        files = copies.variants[variant]
        variant_index = read_clip_table(files.index)
        found = find_copies(variant_index, requested)
        rows = found["row"].to_numpy()
        examples += _examples(files.array, variant_index, rows, parents.loc[found["clip"]], task, crop)
        tables.append(found)
    check_parents(pd.concat(tables), roles.set_axis(clips["clip"]))
    return examples
