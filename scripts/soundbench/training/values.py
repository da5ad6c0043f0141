"""What a network predicts of many clips."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from soundbench.core.devices import choose_device, place
from soundbench.core.finite import REMEDY, NotFiniteError
from soundbench.core.microbatches import Microbatches
from soundbench.features.normalisation import Normalisation
from soundbench.tasks.task import Task
from soundbench.training.examples import Examples

BATCH = 64


@torch.inference_mode()
def predict_values(network: nn.Module, examples: Examples, normalise: Normalisation, task: Task) -> np.ndarray:
    """The values ``(clips, outputs)`` of every example, such as probabilities, in float32 for every training
    precision. Those of a clip that is cut into windows are the mean over its windows.

    Raises:
        NotFiniteError: some of them are not finite.
    """
    device = choose_device()
    network = place(network, device)

    def compute(size: int) -> torch.Tensor:
        found = []
        for features, _ in examples.window_batches(size, normalise, device):
            found.append(task.activate(network(features.to(memory_format=torch.channels_last))).cpu())
        return examples.mean_over_windows(torch.cat(found))

    found = Microbatches(min(BATCH, len(examples)), "predicting:").fit(compute).numpy()
    if lost := int((~np.isfinite(found)).any(axis=1).sum()):
        clips = f"{lost} of {len(found)} clips"
        raise NotFiniteError(f"the model gives {clips} probabilities that are not finite; train it again: {REMEDY}")
    return found
