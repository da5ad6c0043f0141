"""The documents say what is."""

from __future__ import annotations

import re

import pytest

from helpers.workflow import REPOSITORY
from tools.write_config_reference import PAGE, page, reference

DOCUMENTS = sorted(
    path for path in REPOSITORY.glob("**/*.md") if not {".venv", "results", ".snakemake"} & set(path.parts)
)


def test_configuration_page_holds_every_key() -> None:
    assert PAGE.read_text() == page(), "run: python tests/tools/write_config_reference.py"


def test_every_key_is_described() -> None:
    undescribed = re.findall(r"^\| `(.*?)` .*\|  \|$", reference(), flags=re.MULTILINE)
    assert not undescribed


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(document: object) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


def test_readme_names_the_two_commands() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert re.search(r"^make\b", readme, flags=re.MULTILINE)
    assert re.search(r"^make test\b", readme, flags=re.MULTILINE)
