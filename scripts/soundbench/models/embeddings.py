"""Embeddings: the input of the last layer of a pretrained network, computed once per clip.

A linear model on embeddings is a strong baseline that needs no GPU (J. Turian et al., "HEAR: Holistic evaluation of
audio representations", 2022).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import nn

from soundbench.core.devices import choose_device, place, prepare_process, uses_bfloat16
from soundbench.core.errors import InputError
from soundbench.core.integrity import DIGEST, checked_array, row_digest
from soundbench.core.microbatches import Microbatches, chunks
from soundbench.core.ragged import FIRST, LONGEST, FeatureArray
from soundbench.core.storage import atomic_path, read_clip_table, write_csv
from soundbench.data.shards import shard_rows
from soundbench.features.files import FeatureFiles
from soundbench.features.normalisation import Normalisation, choose_normalisation
from soundbench.features.size import check_whole_clips
from soundbench.models.encoders import encoder_problems
from soundbench.models.finetuning import network_parts
from soundbench.models.initial_weights import Weights, find_weights
from soundbench.models.lineage import refusal
from soundbench.models.registry import build_model

logger = logging.getLogger(__name__)

BATCH = 8  # clips per batch; each thread computes its own batches
CLASSES = 2  # outputs of the last layer, which are not used
UNSCALED = Normalisation(0.0, 1.0)


def last_layer(network: nn.Module) -> nn.Module:
    """The layer of a network's head that takes its embedding and gives one value per class.

    It is the last layer that has a matrix of weights. Layers before it with as many outputs come after the embedding
    too, as in ACDNet; the first of them is taken.
    """

    def matrices(layer: nn.Module) -> list[nn.Parameter]:
        return [weight for weight in layer.parameters(recurse=False) if weight.ndim > 1]

    layers = [layer for module in network_parts(network)[-1] for layer in module.modules() if matrices(layer)]
    classes = len(layers[-1].get_parameter("weight"))
    return list(takewhile(lambda layer: classes in map(len, matrices(layer)), reversed(layers)))[-1]


class Embedder:
    """A network up to its last layer; several threads may call it at the same time.

    Args:
        normalise: the normalisation of the network's features.
        precision: ``float32``, ``bf16``, or ``auto``, which is ``bf16`` if the hardware supports it.
    """

    def __init__(self, network: nn.Module, normalise: Normalisation = UNSCALED, precision: str = "float32") -> None:
        self.device = choose_device()
        self.network = place(network.eval(), self.device)
        self.normalise = normalise
        self.bfloat16 = uses_bfloat16(precision, self.device)
        layer = last_layer(network)
        self.dimensions: int = layer.get_parameter("weight").shape[1]
        self._layer_input = threading.local()
        layer.register_forward_pre_hook(self._keep)

    def _keep(self, _: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self._layer_input.values = inputs[0]

    @torch.inference_mode()
    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Map ``(batch, bins, frames)`` to ``(batch, dimensions)`` float32.

        If the last layer takes values at several positions, the embedding is their mean over the positions.
        """
        batch = self.normalise(torch.from_numpy(features).to(self.device).float()).unsqueeze(1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            self.network(batch.to(memory_format=torch.channels_last))
        values = self._layer_input.values.float()
        return (values.flatten(2).mean(dim=2) if values.ndim > 2 else values).cpu().numpy()


@dataclass(frozen=True)
class EmbeddingSettings:
    """How clips are embedded.

    Attributes:
        recipe: family and options of the network; ignored if the weights come from a run, which has its own.
        front_end: the settings of the front-end that computed the features.
        precision: as for :class:`Embedder`.
    """

    recipe: dict[str, Any]
    front_end: dict[str, Any]
    precision: str


def build_embedder(settings: EmbeddingSettings, shape: tuple[int, int], weights: Weights) -> Embedder:
    """Build the network that embeds features of ``shape`` (bins, frames).

    Features are normalised as in the run that the weights come from; for other weights, as the front-end says.
    """
    run = weights.run
    network = build_model(run["recipe"] if run else settings.recipe, CLASSES, shape, weights)
    normalise = Normalisation(**run["normalisation"]) if run else choose_normalisation(settings.front_end, UNSCALED)
    return Embedder(network, normalise, settings.precision)


def _embed_all(
    embedder: Embedder, features: FeatureArray, clips: np.ndarray, embeddings: np.ndarray, threads: int
) -> None:
    """Embed the ``clips`` in these rows of the features, batch by batch.

    Each thread uses one core, so the result does not depend on their number.
    """
    workers = threads if embedder.device.type == "cpu" else 1

    def embed(chosen: torch.Tensor) -> None:
        embeddings[chosen.numpy(), :, 0] = embedder(features[clips[chosen.numpy()]])

    def compute(size: int) -> None:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(embed, chunks(torch.arange(len(clips)), size)))

    Microbatches(BATCH, "embedding:").fit(compute)


def embed_clips(
    source: str,
    settings: EmbeddingSettings,
    *,
    weights: Sequence[str],
    features: FeatureFiles,
    outputs: FeatureFiles,
    threads: int,
    shard: str | None = None,
) -> None:
    """Embed all clips of a source, or copies of them, into one array ``(clips, dimensions, 1)`` of float32.

    Its index is the table of the features' index, with one frame and a new digest per clip.

    Args:
        weights: the files that :func:`soundbench.models.initial_weights.find_weights` takes.
        shard: the name of a part of the clips; None for all.

    Raises:
        InputError: the weights do not fit, a run was trained on this source or on another front-end's features, or an
            embedding is not finite.
    """
    prepare_process(0, 1)
    start = _usable_weights(weights, source, settings)
    table = read_clip_table(features.index)
    check_whole_clips(
        table, settings.front_end, "An embedding", "Set `duration` (s) of the front-end that it is made of"
    )
    table = table[shard_rows(shard, len(table))]
    clips = table["row"].to_numpy()
    stored = checked_array(features.array, table, clips)
    table = table.drop(columns=[FIRST, LONGEST], errors="ignore").assign(row=range(len(table))).reset_index(drop=True)
    choose_device(reserve=True)  # a large network over all clips takes long
    embedder = build_embedder(settings, stored.shape[1:], start)
    logger.info("%s: %d clips, %d numbers each", start.file, len(clips), embedder.dimensions)
    with atomic_path(outputs.array) as temporary:
        rows = open_memmap(temporary, mode="w+", dtype=np.float32, shape=(len(clips), embedder.dimensions, 1))
        _embed_all(embedder, stored, clips, rows, threads)
        rows.flush()
        not_finite = ~np.isfinite(rows).all(axis=(1, 2))
        if not_finite.any():
            clips = ", ".join(table["clip"][not_finite[table["row"]]])
            raise InputError(f"{start.file}: gives numbers that are not finite for {clips}")
        digests = [row_digest(rows[row]) for row in table["row"]]
    write_csv(Path(outputs.index), table.assign(frames=1, **{DIGEST: digests}))


def _usable_weights(files: Sequence[str], source: str, settings: EmbeddingSettings) -> Weights:
    """The weights to embed a source with: a run of ours must be of other sources, and of this front-end.

    Raises:
        InputError: they are not.
    """
    start = find_weights(files)
    if start is None:
        raise InputError(f"{source}: an embedding needs weights")
    if source in start.sources:
        raise InputError(refusal(str(start.file.parent), source))
    if problems := list(encoder_problems(start, settings.recipe.get("family", ""), settings.front_end)):
        raise InputError(problems)
    if start.run and start.run["front_end"] != settings.front_end:
        raise InputError(f"{start.file.parent}: was trained on features of another front-end than {settings.front_end}")
    return start
