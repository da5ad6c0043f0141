"""Facts of modules are kept on disk by content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soundbench.core import module_facts
from soundbench.core.module_facts import Facts, keep_facts


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which facts are kept for the length of a test."""
    monkeypatch.setattr(module_facts, "FOLDERS", [])
    keep_facts(tmp_path / "kept")
    return tmp_path / "kept"


def facts_of(path: Path, text: str) -> Facts:
    module_facts.module_facts.cache_clear()
    path.write_text(text)
    return module_facts.module_facts(path)


def test_kept_facts_are_found_again_and_edited_code_is_parsed_anew(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    first = facts_of(path, "import json\n")
    (file,) = kept.iterdir()
    file.write_text(json.dumps({"imports": ["stored"], "code": "0"}))
    assert facts_of(path, "import json\n") == Facts(["stored"], "0")
    edited = facts_of(path, "import csv\n")
    assert edited.imports == ["csv"]
    assert edited.code != first.code


def test_damaged_facts_are_replaced(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    first = facts_of(path, "A = 1\n")
    (file,) = kept.iterdir()
    file.write_text("{")
    assert facts_of(path, "A = 1\n") == first
    assert json.loads(file.read_text())["code"] == first.code


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(module_facts, "FOLDERS", [tmp_path / "file" / "below"])
    assert facts_of(tmp_path / "module.py", "import json\n").imports == ["json"]
