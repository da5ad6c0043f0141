"""The documents agree with the code."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from helpers.workflow import REPOSITORY
from soundbench.augment.effects import EFFECTS
from soundbench.data.readers import READERS
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.models.families import FAMILIES
from soundbench.report.figures.clip_registry import CLIP_FIGURES
from soundbench.report.figures.registry import FIGURES
from tools.write_config_reference import PAGE, page, reference

DOCUMENTS = sorted(
    path for path in REPOSITORY.glob("**/*.md") if not {".venv", "results", ".snakemake"} & set(path.parts)
)


def test_configuration_page_holds_every_key() -> None:
    assert PAGE.read_text() == page(), "run: python tests/tools/write_config_reference.py"


EXTENSIONS = {  # where entries name an extension
    "sources.NAME.": READERS,
    "augmentations.NAME.steps[].": EFFECTS,
    "features.NAME.": FRONT_ENDS,
    "models.NAME.": FAMILIES,
}


@pytest.mark.parametrize("path", EXTENSIONS)
def test_every_key_of_every_extension_has_a_row(path: str) -> None:
    registry = EXTENSIONS[path]
    rows = reference().splitlines()
    for name in registry.names:
        title = f"*with `{registry.key}: {name}`* |"
        keys = [row.split("`")[1] for row in rows if row.endswith(title)]
        assert {f"{path}{key}" for key in registry.settings(name)} <= {*keys}


def test_limits_and_fixed_values_are_in_the_reference() -> None:
    found = {row.split("`")[1]: row.split(" | ")[1] for row in reference().splitlines() if row.startswith("| `")}
    assert found["augmentations.NAME.steps[].snr"] == "number or list ≥ -60 ≤ 100"
    assert found["models.NAME.training.augment.vtlp"] == "list of numbers ≥ 0.5 ≤ 2"
    assert found["models.NAME.training.augment.cut_mix.axes"] == "list of `time`, `frequency`"
    assert found["datasets.NAME.split.folds"] == "integer ≥ 4"  # the last of its rows
    assert "`drop_rate`" in found["models.NAME.arguments"]
    assert "| `features.NAME.sample_rate` | `48000` |" in reference()


def test_every_key_is_described() -> None:
    undescribed = re.findall(r"^\| `(.*?)` .*\|  \|$", reference(), flags=re.MULTILINE)
    assert not undescribed


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(document: object) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


def test_pictures_of_the_gallery_are_small_and_shown() -> None:
    text = (REPOSITORY / "docs" / "gallery.md").read_text()
    pictures = sorted((REPOSITORY / "docs" / "gallery").iterdir())
    assert len(pictures) > 10
    for picture in pictures:
        assert picture.stem in FIGURES or picture.stem in CLIP_FIGURES
        assert f"(gallery/{picture.name})" in text
        assert picture.stat().st_size < 150_000  # bytes


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("mkdocs")
    if not program:
        pytest.skip("no mkdocs: pip install mkdocs-material")
    command = [program, "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True)


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = build(REPOSITORY, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    assert {"index.html", "docs", "config", "profiles"} <= {path.name for path in (tmp_path / "site").iterdir()}
    assert (tmp_path / "site" / "docs" / "tutorial" / "index.html").is_file()


def test_the_site_is_refused_if_a_link_leads_nowhere(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns(".*", "results", "tests", "scripts")
    copy = Path(shutil.copytree(REPOSITORY, tmp_path / "copy", symlinks=True, ignore=ignored))
    with (copy / "docs" / "tutorial.md").open("a") as page:
        page.write("[nowhere](nowhere.md)\n")
    done = build(copy, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere.md" in done.stderr


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_issue_form_is_one_that_github_reads(name: str) -> None:
    form = yaml.safe_load((REPOSITORY / ".github" / "ISSUE_TEMPLATE" / f"{name}.yaml").read_text())
    assert {"name", "description", "body"} <= set(form)
    assert {field["type"] for field in form["body"]} <= {"textarea", "input", "dropdown", "markdown"}
    identifiers = [field["id"] for field in form["body"]]
    assert len(identifiers) == len(set(identifiers))
    assert all(field["attributes"]["label"] for field in form["body"])
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_changelog_has_the_released_version_and_the_usual_sections() -> None:
    text = (REPOSITORY / "CHANGELOG.md").read_text()
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    versions = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert versions[:2] == ["[Unreleased]", f"[{citation['version']}] - {citation['date-released']}"]
    sections = re.findall(r"^### (.*)$", text, flags=re.MULTILINE)
    assert set(sections) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_readme_names_the_two_commands() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert re.search(r"^make\b", readme, flags=re.MULTILINE)
    assert re.search(r"^make test\b", readme, flags=re.MULTILINE)
