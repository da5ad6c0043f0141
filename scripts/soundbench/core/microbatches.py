"""Batches that do not fit the memory of a GPU: computed in smaller pieces."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from soundbench.core.errors import InputError

logger = logging.getLogger(__name__)

Done = TypeVar("Done")


class Microbatches:
    """How many clips are computed at once: as many as are asked for, until the memory turns out too small.

    Args:
        size: clips at once, to begin with.
        tag: the beginning of each log line.
    """

    def __init__(self, size: int, tag: str) -> None:
        self.size, self.tag = max(1, size), tag

    def fit(self, compute: Callable[[int], Done]) -> Done:
        """``compute(size)``; as long as the memory does not suffice, once more from its beginning with half the size.

        Raises:
            InputError: a single clip does not fit.
        """
        while True:
            try:
                return compute(self.size)
            except torch.OutOfMemoryError as error:
                if self.size == 1:
                    message = f"{self.tag} a single clip does not fit the memory of the device"
                    raise InputError(f"{message}: choose a smaller model, or shorter clips") from error
            # Not within the handler, where the error still holds the tensors of the failed attempt.
            whole, self.size = self.size, -(-self.size // 2)
            torch.cuda.empty_cache()
            logger.warning(
                "%s %d clips do not fit the device's memory; from now on %d at once", self.tag, whole, self.size
            )


def chunks(order: torch.Tensor, size: int) -> tuple[torch.Tensor, ...]:
    """Cut ``order`` into pieces of near-equal length, none above ``size``.

    A last batch of one or two clips would upset the batch statistics, so there is none.
    """
    return torch.tensor_split(order, max(1, -(-len(order) // size)))
