"""What a network predicts of many clips."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from soundbench.core.devices import choose_device, place
from soundbench.core.errors import InputError
from soundbench.core.finite import REMEDY
from soundbench.core.microbatches import Microbatches, chunks
from soundbench.features.normalisation import Normalisation
from soundbench.tasks.task import Task
from soundbench.training.batches import Examples

BATCH = 64


@torch.inference_mode()
def predict_values(network: nn.Module, examples: Examples, normalise: Normalisation, task: Task) -> np.ndarray:
    """The values ``(clips, outputs)`` of every example, such as probabilities, in float32 whatever the training
    precision.

    Raises:
        InputError: some of them are not finite.
    """
    device = choose_device()
    network = place(network, device)

    def compute(size: int) -> torch.Tensor:
        found = []
        for chosen in chunks(torch.arange(len(examples)), size):
            features, _ = examples.batch(chosen, normalise, device)
            found.append(task.activate(network(features.to(memory_format=torch.channels_last))).cpu())
        return torch.cat(found)

    found = Microbatches(min(BATCH, len(examples)), "predicting:").fit(compute).numpy()
    if lost := int((~np.isfinite(found)).any(axis=1).sum()):
        clips = f"{lost} of {len(found)} clips"
        raise InputError(f"the model gives {clips} probabilities that are not finite; train it again: {REMEDY}")
    return found
