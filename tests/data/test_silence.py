"""Digital silence around a sound."""

from __future__ import annotations

import numpy as np
import pytest

from soundbench.data.silence import BLOCK, Trimmed, trim_silence


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_silence_around_a_sound_is_removed_and_silence_within_stays(size: int) -> None:
    samples = np.array([0, 0, 0, 0, 1, 0, 0, 0, 2, -1, 0, 3, 0, 0, 0, 0, 0], np.float32)
    trimmed = Trimmed([samples[start : start + size] for start in range(0, len(samples), size)])
    assert np.concatenate(list(trimmed)).tolist() == [1, 0, 0, 0, 2, -1, 0, 3]
    assert trimmed.skipped == 4


def test_a_sound_without_silence_around_it_does_not_change() -> None:
    samples = np.array([1e-9, 0, -1e-9], np.float32)
    assert np.array_equal(trim_silence(samples), samples)


def test_a_silent_clip_stays_whole() -> None:
    assert np.array_equal(trim_silence(np.zeros(5, np.float32)), np.zeros(5))


def test_long_silence_comes_in_blocks() -> None:
    found = list(Trimmed([np.ones(1), *[np.zeros(BLOCK)] * 3, np.ones(1)]))
    assert max(map(len, found)) == BLOCK
    assert sum(map(len, found)) == 3 * BLOCK + 2
