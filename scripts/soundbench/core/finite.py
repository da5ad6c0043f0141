"""Checks for numbers that are not finite; their errors stop the job and name remedies."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from soundbench.core.errors import InputError
from soundbench.core.text import shortened_list

REMEDY = "a lower learning_rate, a gradient_clip, or precision: float32 may help"
NAMED = 3  # tensors that a message names


class NotFiniteError(InputError):
    """A loss or a weight is NaN or infinite."""


def check_loss(loss: float, what: str) -> None:
    """Refuse a loss that is NaN or infinite.

    Raises:
        NotFiniteError: the message begins with ``what``.
    """
    if not math.isfinite(loss):
        raise NotFiniteError(f"{what} is no longer finite: {REMEDY}")


def check_weights(weights: Mapping[str, torch.Tensor], what: str, remedy: str = REMEDY) -> None:
    """Refuse weights that hold NaN or an infinity.

    Raises:
        NotFiniteError: the message begins with ``what`` and names some of the tensors.
    """
    if names := [name for name, value in weights.items() if not value.isfinite().all()]:
        raise NotFiniteError(f"{what} holds numbers that are not finite in {shortened_list(names, NAMED)}: {remedy}")
