"""Why a trained network decides as it does: the regions that decisions rest on, and the embeddings of test clips.

Both are of one network, on clips that it was not trained on: networks of other folds have other embeddings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.storage import atomic_path

BANDS = 6  # the regions of a clip, in frequency
SPANS = 10  # and in time
FEWEST = 10  # clips of a map
EXPLAINED = 3  # clips that are predicted correctly, and as many that are not

Values = Callable[[np.ndarray], np.ndarray]  # features (batch, bins, frames) to values (batch, labels)


@dataclass(frozen=True)
class Explanations:
    """What one network says about its test clips.

    Attributes:
        clips: the clips that have an embedding, ``(clips,)``.
        embeddings: ``(clips, dimensions)``.
        explained: the clips whose decision is explained, ``(explained,)``.
        features: what the network reads of them, ``(explained, bins, frames)``; columns of padding are NaN.
        drops: how far the probability of the predicted label falls without a region, ``(explained, bands, spans)``;
            the regions divide the features evenly, low frequencies first. A clip of few frames has fewer spans, and
            NaN in place of the others.
        front_end: the settings of the front-end that computed the features, as JSON, ``()``.
    """

    clips: np.ndarray
    embeddings: np.ndarray
    explained: np.ndarray
    features: np.ndarray
    drops: np.ndarray
    front_end: np.ndarray

    def write(self, path: str | Path) -> None:
        """Write all arrays into one file; numbers are rounded to float16."""
        arrays = {name: getattr(self, name) for name in self.__dataclass_fields__}
        small = {name: array.astype(np.float16) if array.dtype.kind == "f" else array for name, array in arrays.items()}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **small)

    @classmethod
    def read(cls, path: str | Path) -> Explanations:
        """Read what :meth:`write` wrote.

        Raises:
            InputError: the file is damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(**{name: arrays[name] for name in cls.__dataclass_fields__})
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise InputError(f"{path}: cannot be read ({error}); delete it, so that it is made again") from error


def choose_explained(table: pd.DataFrame, labels: list[str]) -> np.ndarray:
    """The rows of the predictions that are explained: the most confident errors, then the most confident other ones.

    No label has a second clip in either part as long as other labels have none.

    Args:
        table: ``label, predicted`` and one probability per label.
    """
    sure = table.loc[table[labels].max(axis=1).sort_values(ascending=False, kind="stable").index]
    wrong = sure["label"] != sure["predicted"]
    chosen: list[int] = []
    for part in (sure[wrong], sure[~wrong]):
        turn = part.groupby("label").cumcount().to_numpy()
        chosen += list(part.index[np.argsort(turn, kind="stable")][:EXPLAINED])
    return np.array(chosen, dtype=int)


def occlusion(values: Values, features: np.ndarray, output: int) -> np.ndarray:
    """How far a value falls if a region of a clip is silenced, for each region, ``(bands, spans)``.

    Each bin of a region gets its lowest value in the whole clip. This works for every model, since it only asks for
    predictions (M. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014).

    Args:
        features: ``(bins, frames)``, NaN in columns of padding; there are fewer regions if there are fewer bins or
            frames.
        output: the label whose value is explained.
    """
    sounding = int((~np.isnan(features[0])).sum())
    rows = np.array_split(np.arange(len(features)), min(len(features), BANDS))
    columns = np.array_split(np.arange(sounding), min(sounding, SPANS))
    silence = np.nanmin(features, axis=1, keepdims=True)
    whole = np.where(np.isnan(features), silence, features)
    covered = np.repeat(whole[None], len(rows) * len(columns) + 1, axis=0)
    for number, (band, span) in enumerate((band, span) for band in rows for span in columns):
        covered[number, band[0] : band[-1] + 1, span[0] : span[-1] + 1] = silence[band]
    found = values(covered)[:, output]
    return (found[-1] - found[:-1]).reshape(len(rows), len(columns))


def stacked(drops: list[np.ndarray]) -> np.ndarray:
    """What :func:`occlusion` gives of several clips, ``(clips, bands, spans)``; NaN where a clip has fewer spans."""
    if not drops:
        return np.zeros((0, 0, 0))
    spans = max(drop.shape[1] for drop in drops)
    return np.stack([np.pad(drop, ((0, 0), (0, spans - drop.shape[1])), constant_values=np.nan) for drop in drops])


def clip_map(embeddings: np.ndarray) -> np.ndarray:
    """Positions on a map on which clips with like embeddings are neighbours, ``(clips, 2)``, from 0 to 1.

    L. van der Maaten and G. Hinton, "Visualizing data using t-SNE", JMLR 9, 2008. On one thread, so that the same
    embeddings have the same map.

    Args:
        embeddings: ``(clips, dimensions)``, of at least :data:`FEWEST` clips.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    values = embeddings.astype(np.float32)
    perplexity = min(30.0, (len(values) - 1) / 3)
    with threadpool_limits(1):
        found = TSNE(perplexity=perplexity, init="pca", max_iter=500, random_state=0).fit_transform(values)
    low = found.min(axis=0)
    return (found - low) / np.maximum(found.max(axis=0) - low, 1e-9)
