"""Features of chosen clips as batches, read through the memory map."""

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
from soundbench.features.normalisation import Normalisation


@dataclass(frozen=True)
class Examples:
    """Clips with their classes, and augmented copies of clips, wherever their features are stored.

    ``arrays`` are feature arrays ``(clips, bins, frames)``; ``sources`` and ``rows``, each ``(examples,)``, tell
    the array and the row of each example, and ``targets`` its class.
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
        sources, rows = self.sources[chosen], self.rows[chosen]
        if len(self.arrays) == 1:
            return self.arrays[0][rows]
        found = np.empty((len(rows), *self.shape), self.arrays[0].dtype)
        for number in np.unique(sources):
            here = sources == number
            found[here] = self.arrays[number][rows[here]]
        return found

    def batch(
        self, chosen: torch.Tensor, normalise: Normalisation, device: torch.device
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised features ``(batch, 1, bins, frames)`` float32 and targets ``(batch,)``, on ``device``."""
        features = torch.from_numpy(self.features(chosen.numpy())).to(device)
        return normalise(features.float()).unsqueeze(1), self.targets[chosen].to(device)

    def normalisation(self) -> Normalisation:
        """Mean and deviation of all values of these examples, summed clip by clip in float64."""
        count = total = squares = 0.0
        for source, row in zip(self.sources, self.rows, strict=True):
            values = self.arrays[source][row].astype(np.float64)
            count, total, squares = count + values.size, total + values.sum(), squares + np.square(values).sum()
        mean = total / count
        return Normalisation(float(mean), float(max(squares / count - mean**2, 1e-12) ** 0.5))


def _examples(
    array: str | Path, index: pd.DataFrame, rows: np.ndarray, clips: pd.DataFrame, labels: list[str]
) -> Examples:
    targets = torch.tensor([labels.index(label) for label in clips["label"]], dtype=torch.int64)
    return Examples((checked_array(array, index, rows),), np.zeros(len(rows), dtype=int), rows, targets)


def load_examples(array: str | Path, index: pd.DataFrame, clips: pd.DataFrame, labels: list[str]) -> Examples:
    """The examples of ``clips`` (columns ``clip, label``), whose rows in the feature array ``index`` tells.

    Raises:
        InputError: array or index are not what was written.
    """
    if lost := sorted(set(clips["clip"]) - set(index["clip"])):
        raise damaged(array, f"lacks {', '.join(lost[:NAMED])} in its index")
    return _examples(array, index, index.set_index("clip")["row"].loc[clips["clip"]].to_numpy(), clips, labels)


def find_copies(index: pd.DataFrame, copies: pd.DataFrame) -> pd.DataFrame:
    """``copies`` of one variant (``clip, label, variant, copy``) with their ``file`` and ``row`` in its features.

    Where more copies of a clip are asked for than were made, those that there are come again.

    Raises:
        InputError: a clip has no copy at all.
    """
    if missing := sorted(set(copies["clip"]) - set(index["clip"])):
        raise InputError(f"{copies['variant'].iloc[0]}: no copy was made of {', '.join(missing)}")
    made = copies["clip"].map(index["clip"].value_counts())
    asked = copies.assign(copy=(copies["copy"] - 1) % made + 1)
    return asked.merge(index[["clip", "copy", "file", "row"]], on=["clip", "copy"])


def load_training(
    features: str | Path,
    index: pd.DataFrame,
    clips: pd.DataFrame,
    roles: pd.Series,
    labels: list[str],
    rules: Rules,
    variants: dict[str, tuple[str, str]],
    seed: int,
) -> Examples:
    """The training clips, then the augmented copies of them that a view's ``rules`` ask for.

    Args:
        clips: all clips of the split, with ``roles``, a role each.
        variants: the feature array and the index of each variant.

    Raises:
        InputError: something would be trained on that is, or was made from, a clip without the role ``train``; or
            features are not what was written.
    """
    trained = clips[roles == "train"]
    examples, listed = load_examples(features, index, trained, labels), [trained.assign(copy=0, variant="", file="")]
    for variant, asked in training_copies(trained, rules, seed).groupby("variant", sort=False):
        array, table = variants[variant]
        made = read_clip_table(table)
        copies = find_copies(made, asked)
        examples += _examples(array, made, copies["row"].to_numpy(), copies, labels)
        listed.append(copies)
    check_parents(pd.concat(listed), roles.set_axis(clips["clip"]))
    return examples
