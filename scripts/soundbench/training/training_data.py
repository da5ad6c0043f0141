"""What a network is trained on."""

from __future__ import annotations

from dataclasses import dataclass

from soundbench.augment.batch import OnlineAugmentation
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
