"""Several networks of one structure as one network, whose outputs are the mean of theirs."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

import torch
from torch import nn

MEMBERS = "members"


class MeanOutputs(nn.Module):
    """The mean over ``members`` of their outputs, before the softmax or the activation of another task.

    Averages of the networks after several epochs of one training are the "checkpoint ensembles" of H. Chen, S. Lundberg
    and S. Lee (2017).
    """

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    @classmethod
    def of_state(cls, network: nn.Module, state: Mapping[str, torch.Tensor]) -> MeanOutputs:
        """As many copies of ``network`` as there are members in a state, which is not loaded yet."""
        numbers = {name.split(".")[1] for name in state if name.startswith(f"{MEMBERS}.")}
        return cls(copy.deepcopy(network) for _ in numbers)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, 1, bins, frames)`` to outputs ``(batch, outputs)``."""
        return torch.stack([member(features) for member in self.members]).mean(dim=0)
