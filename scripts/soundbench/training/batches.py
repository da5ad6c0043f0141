"""Batches of features and classes, read from memory-mapped arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from soundbench.core.errors import InputError
from soundbench.core.integrity import NAMED, checked_array, damaged
from soundbench.core.microbatches import chunks
from soundbench.core.storage import read_clip_table
from soundbench.data.copies import Rules, check_parents, training_copies
from soundbench.features.normalisation import Normalisation
from soundbench.tasks.task import Task


@dataclass(frozen=True)
class Examples:
    """Clips and augmented copies of clips with their targets; their features may be in several arrays.

    ``arrays`` are feature arrays ``(clips, bins, frames)``. ``sources`` and ``rows``, each ``(examples,)``, give the
    array and the row of each example; ``targets`` ``(examples,)`` or ``(examples, outputs)`` gives its target.
    """

    arrays: tuple[np.ndarray, ...]
    sources: np.ndarray
    rows: np.ndarray
    targets: torch.Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def __add__(self, other: Examples) -> Examples:
        """These examples, then the ``other`` ones."""
        return Examples(
            self.arrays + other.arrays,
            np.concatenate([self.sources, len(self.arrays) + other.sources]),
            np.concatenate([self.rows, other.rows]),
            torch.cat([self.targets, other.targets]),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """``(bins, frames)`` of every example."""
        return self.arrays[0].shape[1:]

    def features(self, chosen: np.ndarray) -> np.ndarray:
        """The stored features ``(chosen, bins, frames)`` of these examples, float16."""
        sources = self.sources[chosen]
        rows = self.rows[chosen]
        if len(self.arrays) == 1:
            return self.arrays[0][rows]
        features = np.empty((len(rows), *self.shape), self.arrays[0].dtype)
        for number in np.unique(sources):
            in_array = sources == number
            features[in_array] = self.arrays[number][rows[in_array]]
        return features

    def batch(
        self, chosen: torch.Tensor, normalise: Normalisation, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised features ``(batch, 1, bins, frames)`` float32 and targets ``(batch,)``, on ``device``."""
        features = torch.from_numpy(self.features(chosen.numpy())).to(device)
        return normalise(features.float()).unsqueeze(1), self.targets[chosen].to(device)

    def unaugmented_batches(
        self, size: int, normalise: Normalisation, device: torch.device
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Features and targets of all examples, in batches of at most ``size``, in a fixed random order.

        The order is random because the statistics of a batch of one class differ from those of all clips.
        """
        order = torch.randperm(len(self), generator=torch.Generator().manual_seed(0))
        for chosen in chunks(order, size):
            yield self.batch(chosen, normalise, device)

    def normalisation(self) -> Normalisation:
        """The mean and the standard deviation of all values of these examples, summed clip by clip in float64."""
        count = total = squares = 0.0
        for source, row in zip(self.sources, self.rows, strict=True):
            values = self.arrays[source][row].astype(np.float64)
            count += values.size
            total += values.sum()
            squares += np.square(values).sum()
        mean = total / count
        return Normalisation(float(mean), float(max(squares / count - mean**2, 1e-12) ** 0.5))


def _examples(array: str | Path, index: pd.DataFrame, rows: np.ndarray, clips: pd.DataFrame, task: Task) -> Examples:
    targets = torch.from_numpy(task.encode(clips))
    return Examples((checked_array(array, index, rows),), np.zeros(len(rows), dtype=int), rows, targets)


def load_examples(array: str | Path, index: pd.DataFrame, clips: pd.DataFrame, task: Task) -> Examples:
    """The examples of ``clips`` (``clip`` and the task's truth); ``index`` gives their rows in the feature array.

    Raises:
        InputError: the array or the index was changed after it was written.
    """
    if missing := sorted(set(clips["clip"]) - set(index["clip"])):
        raise damaged(array, f"lacks {', '.join(missing[:NAMED])} in its index")
    return _examples(array, index, index.set_index("clip")["row"].loc[clips["clip"]].to_numpy(), clips, task)


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


def load_training(
    features: str | Path,
    index: pd.DataFrame,
    clips: pd.DataFrame,
    roles: pd.Series,
    task: Task,
    rules: Rules,
    variants: dict[str, tuple[str, str]],
    seed: int,
) -> Examples:
    """The training clips, then the augmented copies of them that a view's ``rules`` request.

    Args:
        clips: all clips of the split.
        roles: the role of each of these clips.
        variants: the feature array and the index of each variant.

    Raises:
        InputError: an example is a clip without the role ``train``, or a copy of one; or features were changed after
            they were written.
    """
    training_clips = clips[roles == "train"]
    examples = load_examples(features, index, training_clips, task)
    parents = training_clips.set_index("clip")
    tables = [training_clips.assign(copy=0, variant="", file="")]
    for variant, requested in training_copies(training_clips, rules, seed).groupby("variant", sort=False):
        array, index_file = variants[variant]
        variant_index = read_clip_table(index_file)
        copies = find_copies(variant_index, requested)
        examples += _examples(array, variant_index, copies["row"].to_numpy(), parents.loc[copies["clip"]], task)
        tables.append(copies)
    check_parents(pd.concat(tables), roles.set_axis(clips["clip"]))
    return examples
