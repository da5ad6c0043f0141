"""The pooling of an encoder's outputs over the time of a clip."""

from __future__ import annotations

import torch
from torch import nn

ATTENTION = 128  # hidden values of attentive pooling


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
