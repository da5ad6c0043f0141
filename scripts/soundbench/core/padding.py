"""Where padded clips end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def true_lengths(samples: torch.Tensor, lowest: torch.Tensor | None = None) -> torch.Tensor:
    """The lengths of clips ``(batch, samples)`` without their padding, ``(batch,)``.

    Clips are padded with their lowest value (:func:`soundbench.features.clip_features.fixed_size`), so the padding is
    what follows the last sample above it. A clip of one value has no padding.

    Args:
        lowest: the value of the padding ``(batch,)``, if it is not that of ``samples``.
    """
    import torch

    above = samples > (samples.amin(dim=1) if lowest is None else lowest)[:, None]
    positions = torch.arange(1, samples.shape[1] + 1, device=samples.device)
    last = (above * positions).amax(dim=1)
    return torch.where(last == 0, samples.shape[1], last)


def silence_padding(samples: torch.Tensor) -> torch.Tensor:
    """Clips ``(batch, samples)`` with silence, which is zero, in place of their padding."""
    import torch

    positions = torch.arange(samples.shape[1], device=samples.device)
    return samples * (positions < true_lengths(samples)[:, None])
