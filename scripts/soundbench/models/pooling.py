"""The lengths of padded clips, and the pooling of an encoder's outputs over them."""

from __future__ import annotations

import torch
from torch import nn

ATTENTION = 128  # hidden values of attentive pooling


def true_lengths(samples: torch.Tensor, lowest: torch.Tensor | None = None) -> torch.Tensor:
    """The lengths of clips ``(batch, samples)`` without their padding, ``(batch,)``.

    Clips are padded with their lowest value (:func:`soundbench.features.clip_features.fixed_size`), so the padding is
    what follows the last sample above it. A clip of one value has no padding.

    Args:
        lowest: the value of the padding ``(batch,)``, if it is not that of ``samples``.
    """
    above = samples > (samples.amin(dim=1) if lowest is None else lowest)[:, None]
    positions = torch.arange(1, samples.shape[1] + 1, device=samples.device)
    last = (above * positions).amax(dim=1)
    return torch.where(last == 0, samples.shape[1], last)


class PooledHead(nn.Module):
    """Pools the outputs of an encoder's blocks over time, and classifies them with one linear layer.

    Args:
        size: the values per position.
        layers: how many outputs are summed with learned weights; 1 for a chosen one.
    """

    def __init__(self, size: int, layers: int, classes: int, *, attentive: bool, dropout: float) -> None:
        super().__init__()
        self.layer_weights = nn.Parameter(torch.zeros(layers)) if layers > 1 else None
        self.attention = None
        if attentive:
            score = nn.Linear(ATTENTION, 1, bias=False)
            nn.init.zeros_(score.weight)
            self.attention = nn.Sequential(nn.Linear(size, ATTENTION), nn.Tanh(), score)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(size, classes)

    def forward(self, outputs: list[torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
        """Map outputs ``(batch, positions, size)`` to logits.

        Args:
            mask: which positions are no padding, ``(batch, positions)``.
        """
        values = outputs[0]
        if self.layer_weights is not None:
            values = (torch.stack(outputs, dim=-1) * self.layer_weights.softmax(dim=0)).sum(dim=-1)
        scores = mask.to(values.dtype).log() if self.attention is None else self._scores(values, mask)
        weights = scores.softmax(dim=1).unsqueeze(1)
        return self.classifier(self.dropout((weights @ values).squeeze(1)))

    def _scores(self, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        assert self.attention is not None
        return self.attention(values).squeeze(2).masked_fill(~mask, -torch.inf)
