"""Numbers that are not finite: what they were found in stops the job that made them, and a message says what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from soundbench.core.errors import InputError

REMEDY = "a lower learning_rate, gradient_clip, or precision: float32 may help"
NAMED = 3  # tensors that a message names


def check_loss(loss: float, what: str) -> None:
    """Refuse a loss that is NaN or infinite.

    Raises:
        InputError: it begins with ``what``.
    """
    if not math.isfinite(loss):
        raise InputError(f"{what} is no longer finite: {REMEDY}")


def check_weights(weights: Mapping[str, torch.Tensor], what: str, remedy: str = REMEDY) -> None:
    """Refuse weights that hold NaN or an infinity.

    Raises:
        InputError: it begins with ``what`` and names some of the tensors.
    """
    if lost := [name for name, value in weights.items() if not value.isfinite().all()]:
        more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
        raise InputError(f"{what} holds numbers that are not finite in {', '.join(lost[:NAMED])}{more}: {remedy}")
