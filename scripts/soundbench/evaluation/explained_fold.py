"""Explain a trained network on the test clips of its fold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from soundbench.core.storage import canonical_json
from soundbench.evaluation.explanations import Explanations, choose_explained, occlusion, stacked
from soundbench.evaluation.trained_model import TrainedModel
from soundbench.features.settings import input_kind
from soundbench.models.embeddings import Embedder
from soundbench.training.examples import Examples

EMBEDDED = 300  # clips with an embedding
BATCH = 32


def explain_fold(model: TrainedModel, examples: Examples, frames: np.ndarray, table: pd.DataFrame) -> Explanations:
    """Explain a model on the test clips of its fold.

    Decisions are explained where a clip has one label and its features are a spectrogram: others have no regions.

    Args:
        examples: the test clips; ``frames`` ``(clips,)`` are theirs without padding.
        table: the predictions of the test clips, in the order of the examples.
    """
    task = model.task
    table = table.reset_index(drop=True)
    embedded = np.sort(np.random.default_rng(0).permutation(len(table))[:EMBEDDED])
    explainable = input_kind(model.description["front_end"]) == "spectrogram" and task.has("explanations")
    chosen = choose_explained(table, task.labels) if explainable else np.zeros(0, dtype=int)
    features = examples.features(chosen).astype(np.float32)
    padding = np.arange(examples.shape[1]) >= frames[chosen, None]
    features[np.broadcast_to(padding[:, None], features.shape)] = np.nan

    def values(covered: np.ndarray) -> np.ndarray:
        rows = np.arange(len(covered))
        clips = Examples((covered,), np.zeros_like(rows), rows, torch.zeros(len(rows)))
        return model.predict(clips)

    outputs = [task.labels.index(table["predicted"].iloc[row]) for row in chosen]
    drops = [occlusion(values, clip, output) for clip, output in zip(features, outputs, strict=True)]
    embedder = Embedder(model.network, model.normalise)
    clips = table["clip"].to_numpy().astype(str)
    return Explanations(
        clips=clips[embedded],
        embeddings=np.concatenate(
            [embedder(examples.features(part)) for part in np.array_split(embedded, 1 + len(embedded) // BATCH)]
        ),
        explained=clips[chosen],
        features=features,
        drops=stacked(drops),
        front_end=np.array(canonical_json(model.description["front_end"])),
    )
