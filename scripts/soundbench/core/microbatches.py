"""Microbatches: batches that do not fit the memory of a GPU are computed in smaller pieces."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from soundbench.core.errors import InputError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

SINGLE = "Expected more than 1 value per channel"  # how torch begins its message if a batch norm gets one value


class Microbatches:
    """The number of clips that are computed at once; it is halved when they do not fit the memory.

    Args:
        size: the number at first.
        tag: the beginning of each log line.
    """

    def __init__(self, size: int, tag: str) -> None:
        self.size = max(1, size)
        self.tag = tag

    def fit(self, compute: Callable[[int], Result]) -> Result:
        """Call ``compute(size)``; while the memory is too small, repeat it from its beginning with half the size.

        What a failed attempt added to the running statistics of batch norms remains, because a copy of them at every
        step would take time. It fades with each further step.

        Raises:
            InputError: a single clip does not fit, or is too small a batch for a batch norm.
        """
        while True:
            try:
                return compute(self.size)
            except torch.OutOfMemoryError as error:
                if self.size == 1:
                    message = f"{self.tag} a single clip does not fit into the memory of the device"
                    raise InputError(f"{message}: choose a smaller model, or shorter clips") from error
            except ValueError as error:
                if not str(error).startswith(SINGLE):
                    raise
                message = f"{self.tag} a batch of one clip is too small for the batch norms of this model"
                raise InputError(
                    f"{message}: choose a batch_size of 3 or more, and two training clips or more"
                ) from error
            # This is outside the handler, where the error would still hold the tensors of the failed attempt.
            half = -(-self.size // 2)
            torch.cuda.empty_cache()
            logger.warning(
                "%s %d clips do not fit into the device's memory; now it takes %d at once",
                self.tag,
                self.size,
                half,
            )
            self.size = half


def chunks(order: torch.Tensor, size: int) -> tuple[torch.Tensor, ...]:
    """Cut ``order`` into pieces of nearly equal length, none longer than ``size``.

    Equal lengths avoid a last batch of one or two clips, which would distort the batch statistics.
    """
    return torch.tensor_split(order, max(1, -(-len(order) // size)))
