"""On-the-fly augmentation: changes each training batch anew, on the device that trains.

An effect is a module of ``batch_effects`` with ``apply(batch, value) -> batch``. ``VALUE`` describes what its key in
``training.augment`` may hold, ``POSITION`` orders the effects, and ``MIXES_TARGETS = True`` asks for targets that are
shares of classes. Effects draw from torch's global random numbers, which library functions use too.
:class:`OnlineAugmentation` gives them a state that follows from its own generator alone, and restores the previous one
afterwards. So everything else that is random in training is the same with and without augmentation, and a resumed
training, which restores the state of the generator, continues as if it had not been interrupted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch.nn.functional import one_hot

from soundbench.augment.batch_effects import BATCH_EFFECTS
from soundbench.augment.batch_values import Batch

STREAM = 2**32  # added to the seed, so that these are not the numbers that decide the order of clips


class OnlineAugmentation:
    """The on-the-fly augmentation of a model recipe, with random numbers of its own.

    Args:
        settings: ``training.augment`` of the recipe; empty for none.
        decibel: what 1 dB is in the values of the features, for ``gain``.
    """

    def __init__(self, settings: dict[str, Any], classes: int, decibel: float, seed: int) -> None:
        effects = {name: BATCH_EFFECTS.load(name) for name in settings}
        self.effects = sorted(effects.items(), key=lambda item: item[1].POSITION)
        self.settings, self.classes, self.decibel = settings, classes, decibel
        self.generator = torch.Generator().manual_seed(STREAM + seed)

    @contextmanager
    def _own_random_numbers(self, device: torch.device) -> Iterator[None]:
        seed = int(torch.randint(2**62, (), generator=self.generator))
        with torch.random.fork_rng([device] if device.type == "cuda" else [], device_type="cuda"):
            # Not torch.manual_seed, which spends a millisecond on devices that are not there.
            torch.default_generator.manual_seed(seed)
            if device.type == "cuda":
                torch.cuda.manual_seed(seed)
            yield

    def __call__(self, features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Change a training batch.

        Args:
            features: ``(batch, 1, bins, frames)``, normalised.
            targets: ``(batch,)``, class numbers.

        Returns:
            Features of the same shape, and targets: with mixup ``(batch, classes)`` shares, else as they were.
        """
        if not self.settings:
            return features, targets
        with self._own_random_numbers(features.device):
            batch = Batch(features, targets, self.decibel)
            for name, effect in self.effects:
                if getattr(effect, "MIXES_TARGETS", False):
                    batch = replace(batch, targets=one_hot(batch.targets, self.classes).float())
                batch = effect.apply(batch, self.settings[name])
        return batch.features, batch.targets
