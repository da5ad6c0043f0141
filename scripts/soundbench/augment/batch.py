"""On-the-fly augmentation: random changes of each training batch, on the device that trains.

An effect is a module of ``batch_effects`` with ``apply(batch, value) -> batch``. ``VALUE`` describes the value of its
key in ``training.augment``. ``POSITION`` orders the effects. ``MIXES_TARGETS = True`` requests targets that are shares
of classes. ``NEEDS`` lists what the front-end must have: ``decibel`` or ``frequencies`` of the batch, or a ``mean`` of
zero. ``WAVEFORMS = True`` says that the effect works on samples as well, and then needs none of these.
``HIDES_END = True`` says that the padding of a spectrogram no longer has its lowest value, so that the end of a clip is
not found after it.

Effects draw from torch's global random numbers, because functions of libraries do so too. :class:`OnlineAugmentation`
sets their state from its own generator and restores the previous state afterwards. So augmentation does not change the
other random numbers of training, and a resumed training, which restores the state of the generator, gives the same
result as one without interruption.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from soundbench.augment.batch_effects import BATCH_EFFECTS
from soundbench.augment.batch_values import Batch
from soundbench.core.padding import silence_padding
from soundbench.tasks.task import Task

STREAM = 2**32  # added to the seed, so that these are not the numbers that decide the order of clips


class OnlineAugmentation:
    """The on-the-fly augmentation of a model recipe, with its own random numbers.

    Args:
        settings: ``training.augment`` of the recipe; empty for none.
        decibel: the difference in the values of the features that corresponds to 1 dB.
        task: the task that encodes mixed targets.
        frequencies: the frequency of each bin (Hz); empty if bins have none.
        sample_rate: of samples (Hz), if the features are the samples of clips; otherwise 0.
    """

    def __init__(
        self,
        settings: dict[str, Any],
        task: Task,
        decibel: float,
        seed: int,
        frequencies: Sequence[float] = (),
        sample_rate: int = 0,
    ) -> None:
        effects = {name: BATCH_EFFECTS.load(name) for name in settings}
        self.effects = sorted(effects.items(), key=lambda item: item[1].POSITION)
        self.settings = settings
        self.task = task
        self.decibel = decibel
        self.frequencies = torch.tensor(frequencies)
        self.sample_rate = sample_rate
        self.generator = torch.Generator().manual_seed(STREAM + seed)

    @contextmanager
    def _own_random_numbers(self, device: torch.device) -> Iterator[None]:
        seed = int(torch.randint(2**62, (), generator=self.generator))
        with torch.random.fork_rng([device] if device.type == "cuda" else [], device_type="cuda"):
            # torch.manual_seed would spend a millisecond on devices that do not exist.
            torch.default_generator.manual_seed(seed)
            if device.type == "cuda":
                torch.cuda.manual_seed(seed)
            yield

    def __call__(self, features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Change a training batch.

        Args:
            features: ``(batch, 1, bins, frames)``, normalised.
            targets: as the task encodes them, ``(batch,)`` or ``(batch, outputs)``.

        Returns:
            Features of the same shape and, with an effect that mixes clips, targets as :meth:`Task.shares` gives them,
            ``(batch, outputs)``; without one, the targets do not change.
        """
        if not self.settings:
            return features, targets
        if self.sample_rate:
            features = silence_padding(features.flatten(1)).view_as(features)
        with self._own_random_numbers(features.device):
            frequencies = self.frequencies.to(features.device)
            batch = Batch(features, targets, self.decibel, frequencies, self.sample_rate)
            for name, effect in self.effects:
                if getattr(effect, "MIXES_TARGETS", False):
                    batch = replace(batch, targets=self.task.shares(batch.targets))
                batch = effect.apply(batch, self.settings[name])
        return batch.features, batch.targets
