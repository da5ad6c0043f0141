"""The measurement of growth with clips runs, at a tiny size."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.scale import STEPS, Used, exponent, table, write_clips
from soundbench.core.storage import read_clip_table


@pytest.mark.slow
def test_steps_go_through_all_clips(tmp_path: Path) -> None:
    write_clips(tmp_path, 12, 0.3)
    for step in STEPS:
        step(tmp_path)
    assert len(read_clip_table(tmp_path / "clips.csv")) == len(read_clip_table(tmp_path / "orig.csv")) == 12
    assert (tmp_path / "audit.html").exists()


def test_growth_is_an_exponent() -> None:
    assert exponent([10, 1000], [2.0, 200.0]) == pytest.approx(1)
    lines = table({10: {"index": Used(1.0, 100.0)}, 1000: {"index": Used(10.0, 100.0)}}).splitlines()
    assert lines[-1] == "index    growth: CPU clips^0.50, memory clips^0.00"
