"""The settings of extensions are read from their source without importing it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.workflow import REPOSITORY
from soundbench.core import code_digest, registry
from soundbench.core.code_digest import code_digest as digest
from soundbench.core.registry import Registry
from soundbench.data.readers import READERS

SOURCE = '''"""What it reads: `things`, and more. A second sentence."""
import no_such_package
from soundbench.made.common import SHARED

LEAST = 1
SETTINGS = {**SHARED, "many": {"type": "integer", "minimum": LEAST, "default": LEAST + 1}, "needed": {"type": "string"}}


def read(root):
    return no_such_package.read(root)
'''
KEYWORDS = '"""By keywords."""\n\n\ndef read(root, *, first, second=2):\n    return first, second\n'


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    package = tmp_path / "soundbench" / "made"
    (package / "kinds").mkdir(parents=True)
    (package / "common.py").write_text('SHARED = {"shared": {"type": "number", "default": None}}\n')
    (package / "kinds" / "__init__.py").write_text("")
    (package / "kinds" / "declared.py").write_text(SOURCE)
    (package / "kinds" / "keywords.py").write_text(KEYWORDS)
    monkeypatch.setattr(code_digest, "SCRIPTS", tmp_path)
    registry._names.cache_clear()
    return Registry("soundbench.made.kinds", key="kind", function="read")


def test_settings_are_read_without_an_import(made: Registry) -> None:
    assert made.names == ("declared", "keywords")
    assert made.settings("declared") == {
        "shared": {"type": "number", "default": None},
        "many": {"type": "integer", "minimum": 1, "default": 2},
        "needed": {"type": "string"},
    }
    assert made.summary("declared") == "What it reads: things, and more"
    assert made.defines("declared", "read")
    assert not made.defines("declared", "fetch")
    assert made.constant("declared", "LEAST") == 1
    assert made.constant("keywords", "LEAST", 5) == 5


def test_keywords_stand_in_for_settings(made: Registry) -> None:
    assert made.settings("keywords") == {"first": {}, "second": {"default": 2}}


def test_entries_are_described_by_their_extension(made: Registry) -> None:
    definitions: dict[str, object] = {}
    entry = {"properties": {"kind": {}, "common": {}}}
    made.describe(entry, definitions)
    assert entry["properties"]["kind"]["enum"] == ["declared", "keywords"]
    assert definitions["keywords_kind"] == {
        "type": "object",
        "additionalProperties": False,
        "required": ["first"],
        "properties": {"kind": {}, "common": {}, "first": {}, "second": {"default": 2}},
    }


def test_module_that_does_not_exist_is_named(made: Registry) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"soundbench\.made\.kinds\.missing"):
        made.settings("missing")


def test_wording_of_a_setting_reruns_no_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a job is given of its settings are its parameters."""

    def digest_of(description: str, code: str) -> str:
        for cached in (code_digest.module_facts, code_digest._module_digest, digest):
            cached.cache_clear()
        (tmp_path / "soundbench" / "one.py").write_text(f'SETTINGS = {{"a": "{description}"}}\nA = {code}\n')
        return digest("script", "soundbench.one")

    (tmp_path / "soundbench").mkdir()
    (tmp_path / "script.py").write_text("")
    monkeypatch.setattr(code_digest, "SCRIPTS", tmp_path)
    assert digest_of("before", "1") == digest_of("after", "1")
    assert digest_of("before", "1") != digest_of("before", "2")
    digest.cache_clear()


@pytest.mark.slow
def test_planning_imports_no_heavy_library() -> None:
    """All registries together describe their extensions without torch, librosa or scikit-learn."""
    program = (
        "import sys; from soundbench.models.schema import load_schema; load_schema();"
        "print(*(name for name in ('torch', 'librosa', 'sklearn', 'scipy') if name in sys.modules))"
    )
    scripts = REPOSITORY / "scripts"
    found = subprocess.run([sys.executable, "-c", program], cwd=scripts, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_every_reader_reads() -> None:
    assert all(READERS.defines(name, "read") for name in READERS.names)
