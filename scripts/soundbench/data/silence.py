"""Digital silence before and after a sound: samples that are exactly zero, with which clips are padded to one length.

ESC's clips are padded to 5 s with zeros, and recipes for it remove them first (M. Mohaimenuzzaman et al.,
"Environmental sound classification on the edge", Pattern Recognition 2023; Y. Tokozume, Y. Ushiku and T. Harada,
"Learning from between-class examples", ICLR 2018).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

BLOCK = 1 << 17  # samples of silence that are made at once


class Trimmed:
    """Blocks of samples without the silence before the first and after the last sound.

    A recording that is silent throughout does not change.

    Args:
        blocks: ``(samples,)`` each, in their order.

    Attributes:
        skipped: the number of samples before the sound; it is known when the first block comes.
    """

    def __init__(self, blocks: Iterable[np.ndarray]) -> None:
        self.blocks = blocks
        self.skipped = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        silent = 0  # samples since the last sound; they are kept if another sound follows
        begun = False
        for block in self.blocks:
            sounding = np.flatnonzero(block)
            if not len(sounding):
                silent += len(block)
                continue
            first = 0 if begun else int(sounding[0])
            if begun:
                yield from _silence(silent)
            else:
                self.skipped = silent + first
            begun = True
            last = int(sounding[-1]) + 1
            yield block[first:last]
            silent = len(block) - last
        if not begun:
            yield from _silence(silent)


def _silence(samples: int) -> Iterator[np.ndarray]:
    for start in range(0, samples, BLOCK):
        yield np.zeros(min(BLOCK, samples - start), np.float32)


def trim_silence(samples: np.ndarray) -> np.ndarray:
    """The samples ``(samples,)`` of a clip without the silence before and after its sound."""
    return np.concatenate(list(Trimmed([samples])))
