"""What a network is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import torch

from soundbench.augment.batch import OnlineAugmentation
from soundbench.core.microbatches import chunks
from soundbench.features.normalisation import Normalisation
from soundbench.training.examples import Examples


@dataclass(frozen=True)
class TrainingData:
    """The examples of a training, and what is done with each batch of them.

    Attributes:
        parts: the examples of ``train`` and ``val``; ``val`` may be empty.
        normalise: the normalisation of all features.
        augmentation: the augmentation of training batches.
    """

    parts: dict[str, Examples]
    normalise: Normalisation
    augmentation: OnlineAugmentation

    def on_device(self, device: torch.device) -> TrainingData:
        """The same data, with features and targets in the memory of ``device`` if they fit there."""
        return replace(self, parts={role: examples.on_device(device) for role, examples in self.parts.items()})

    def microbatches(
        self, batches: Iterable[torch.Tensor], size: int, device: torch.device
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Features, targets and true targets of training clips, augmented batch by batch, at most ``size`` at once."""
        examples = self.parts["train"]
        for batch in batches:
            starts = examples.random_starts(batch, self.augmentation.generator)
            features, truth = examples.batch(batch, self.normalise, device, starts)
            features, targets = self.augmentation(features, truth)
            yield from zip(chunks(features, size), chunks(targets, size), chunks(truth, size), strict=True)
