"""Features in the memory of the device that trains, so that no step reads an array and copies a batch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from soundbench.core.ragged import FeatureArray
from soundbench.features.crops import Crop

logger = logging.getLogger(__name__)

PIECE = 16e6  # bytes that are copied at once
SHARE = 0.25  # of the free memory of a GPU; several trainings may share it, and the network needs the most


@dataclass(frozen=True)
class DeviceFeatures:
    """The features of examples on a device.

    Attributes:
        values: ``(clips, bins, frames)``, as they are stored; clips that several examples share are there once.
        places: the row of ``values`` of each example, ``(examples,)``.
    """

    values: torch.Tensor
    places: torch.Tensor

    @classmethod
    def of(
        cls, arrays: Sequence[FeatureArray], sources: np.ndarray, rows: np.ndarray, device: torch.device
    ) -> DeviceFeatures | None:
        """The features of examples (see :class:`soundbench.training.examples.Examples`) on ``device``.

        Returns:
            None if they do not fit, or if the arrays have several shapes.
        """
        used, places = np.unique(np.stack([sources, rows]), axis=1, return_inverse=True)
        shapes = {(*array.shape[1:], array.dtype) for array in arrays}
        size = used.shape[1] * _clip_bytes(arrays[0])
        if len(shapes) > 1 or size > available(device):
            return None
        try:
            return cls(_copied(arrays, used, device), torch.from_numpy(places.reshape(-1)).to(device))
        except torch.OutOfMemoryError:  # another process needs it by now
            logger.info("the features (%.0f MB) no longer fit into the memory of the GPU", size / 1e6)
            return None

    def whole(self, chosen: torch.Tensor) -> torch.Tensor:
        """The features of the chosen examples, ``(chosen, bins, frames)``."""
        return self.values[self.places[chosen]]

    def crops(self, chosen: torch.Tensor, starts: torch.Tensor, crop: Crop) -> torch.Tensor:
        """A crop of each chosen example from its start on, ``(chosen, bins, frames)``.

        What is beyond the array is padded with the quietest value of the crop, or before a clip with silence.
        """
        at = starts[:, None] + torch.arange(crop.frames, device=starts.device)
        last = self.values.shape[2] - 1
        rows = self.places[chosen]
        # One selection of frames, so that no whole clips are copied.
        found = self.values.transpose(1, 2)[rows[:, None], at.clamp(0, last)].transpose(1, 2)
        lowest = found.amin(dim=(1, 2), keepdim=True)
        before = lowest if crop.silence is None else torch.full_like(lowest, crop.silence)
        return torch.where(at[:, None] > last, lowest, found).where(at[:, None] >= 0, before)


def _clip_bytes(array: FeatureArray) -> int:
    return int(np.prod(array.shape[1:])) * array.itemsize


def _copied(arrays: Sequence[FeatureArray], used: np.ndarray, device: torch.device) -> torch.Tensor:
    """Clips of the arrays on ``device``; at most a piece of them is in the memory of the host.

    Args:
        used: the source and the row of each clip, ``(2, clips)``, sorted.
    """
    dtype = torch.from_numpy(np.empty(0, arrays[0].dtype)).dtype
    values = torch.empty((used.shape[1], *arrays[0].shape[1:]), dtype=dtype, device=device)
    step = max(1, int(PIECE / _clip_bytes(arrays[0])))
    for source in np.unique(used[0]):
        places = np.flatnonzero(used[0] == source)
        for piece in np.split(places, range(step, len(places), step)):
            values[piece[0] : piece[-1] + 1] = torch.from_numpy(arrays[source][used[1, piece]])
    return values


def available(device: torch.device) -> float:
    """The memory (bytes) that features may take on a device; none on a CPU, whose arrays are in memory anyway."""
    return SHARE * torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0
