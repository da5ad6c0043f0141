"""The record of evaluations of test clips."""

from __future__ import annotations

from pathlib import Path

from soundbench.evaluation.evaluated import count_evaluations, record_evaluation


def test_evaluations_are_counted_by_content(tmp_path: Path) -> None:
    def record(clips: set[str], *settings: object, name: str = "cnn") -> None:
        record_evaluation(str(tmp_path), clips, list(settings), model=name)

    record({"a", "b"}, {"rate": 0.1})
    record({"b", "a"}, {"rate": 0.1}, name="another name")  # the same, counted once
    record({"a", "b"}, {"rate": 0.2})
    record({"b", "c"}, {"rate": 0.1})  # another part of the same recordings
    record({"a", "b"}, {"rate": 0.1}, {"levels": [["noise", 0]]})  # the same model, tested with noise
    assert count_evaluations(tmp_path, {"a"}) == 3
    assert count_evaluations(tmp_path, {"b"}) == 4
    assert count_evaluations(tmp_path, {"c"}) == 1
    assert count_evaluations(tmp_path, {"d"}) == 0
