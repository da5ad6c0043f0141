"""How scores fall when the sound of test clips is changed: noise, pitch, speed, bandwidth.

Models are as they were trained; the test clips of each fold are changed with the effects of
:mod:`soundbench.augment.waveform` and predicted by the model that was not trained on them (D. Hendrycks and
T. Dietterich, "Benchmarking neural network robustness to common corruptions", ICLR 2019, on why this is worth knowing).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from soundbench.augment.perturbations import PERTURBATIONS
from soundbench.augment.waveform import Steps, apply_steps, copy_generator
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.schemes import fold_column
from soundbench.features.files import FeatureFiles

Level = tuple[str, float]  # the kind of a change, and its amount


def _changed(steps: Steps, kind: str, clip: str, samples: np.ndarray, sample_rate: int) -> np.ndarray:
    # All levels of a clip use the same noise: a curve then shows the effect of the level only.
    return apply_steps(samples, sample_rate, steps, copy_generator(0, kind, clip, 1), clip)


def clips_of_tests(splits: list[str]) -> set[str]:
    """The clips that some fold of some split tests."""
    tables = [read_split(path) for path in splits]
    return {
        clip
        for table in tables
        for clip in table.loc[table.filter(regex=f"^{fold_column('')}").eq("test").any(axis=1), "clip"]
    }


def perturb_features(
    clips: str,
    splits: list[str],
    settings: dict[str, Any],
    levels: list[Level],
    *,
    features: str,
    index: str,
    threads: int,
) -> None:
    """Compute the features of every test clip at every level, in the shape of those of the source.

    Args:
        settings: the front-end.
        index: gets ``clip, kind, level, row, frames, digest``.
    """
    from soundbench.features.size import clip_lengths
    from soundbench.features.store import store_features

    source = read_clip_table(clips)
    tested = clips_of_tests(splits)
    chosen = source[source["clip"].isin(tested)]
    rows = [(clip, path, kind, level) for kind, level in levels for clip, path in chosen[["clip", "path"]].to_numpy()]
    changes = [partial(_changed, [PERTURBATIONS[kind](level)], kind, clip) for clip, _, kind, level in rows]
    paths = [path for _, path, _, _ in rows]
    stored_rows = store_features(paths, settings, clip_lengths(source, settings), features, threads, changes)
    table = pd.DataFrame(rows, columns=["clip", "path", "kind", "level"]).drop(columns="path")
    write_csv(index, pd.concat([table, stored_rows], axis=1))


def evaluate_robustness(folders: list[str], features: FeatureFiles, split: str, threads: int, predictions: str) -> None:
    """Predict every changed test clip with the model that was not trained on it; write
    ``clip, fold, label, predicted, kind, level``.

    Args:
        folders: the folder of each fold's model.
        features: those that :func:`perturb_features` wrote.
    """
    from soundbench.core.devices import prepare_process
    from soundbench.evaluation.trained_model import TrainedModel

    prepare_process(0, threads)
    clips = read_split(split)
    rows = read_clip_table(features.index)
    tables = []
    for folder in folders:
        model = TrainedModel.load(folder)
        tested = model.with_role(clips, "test")
        for (kind, level), part in rows.groupby(["kind", "level"], sort=False):
            values = model.predict(model.examples(features.array, part, tested))
            table = model.table(tested, values)
            tables.append(table.drop(columns=model.task.unscored(table)).assign(kind=kind, level=level))
    write_csv(predictions, pd.concat(tables))
