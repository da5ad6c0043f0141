"""``soundbench-list`` names everything that a study can use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from helpers.library import configuration
from soundbench.config.listing import PARTS, main


@pytest.fixture(scope="module")
def listed() -> dict[str, dict[str, str]]:
    return {part: entries() for part, entries in PARTS.items()}


@pytest.mark.parametrize("part", PARTS)
def test_every_entry_has_one_line(listed: dict[str, dict[str, str]], part: str) -> None:
    assert listed[part]
    lacking = [name for name, text in listed[part].items() if len(text) < 5 or "\n" in text or "# " in text]
    assert not lacking, "these need a comment on their first line, or a docstring"


@pytest.mark.parametrize("part", ["sources", "datasets", "features", "augmentations", "models"])
def test_every_name_of_the_library_is_listed(listed: dict[str, dict[str, str]], part: str) -> None:
    library = configuration()
    ensembles = library["ensembles"] if part == "models" else {}
    assert [name for name in listed[part] if name not in ensembles] == list(library[part])
    assert set(ensembles) <= set(listed[part])


def test_the_command_prints_the_requested_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["effects", "recipes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  volume        Change the level by gain dB" in lines
    assert [line for line in lines if line and line[0] != " "] == ["effects", "recipes"]


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["model"])
    assert "unknown: model; known: readers, sources, datasets" in capsys.readouterr().err


def test_recordings_are_here_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "downloads" / "emodb").mkdir(parents=True)
    (tmp_path / "downloads" / "emodb" / "fetched.json").touch()
    (tmp_path / "study.yaml").write_text(
        "pathvars: {resources: downloads}\n"
        "sources: {esc50: {root: .}, tess: {root: absent}, mine: {reader: folder, root: .}}\n"
        "datasets: {mine: {source: mine}}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["sources", "datasets", "--configfile", "study.yaml"]) == 0
    sources, datasets = (
        {line.split()[0]: line for line in block.splitlines()} for block in capsys.readouterr().out.split("\n\n")
    )
    states = {"emodb": "here", "esc50": "here", "mine": "here", "tess": "not there", "gtzan": "needs root"}
    for name, state in (states | {"synthetic": "is made"}).items():
        assert sources[name].split(maxsplit=1)[1].startswith(state)
        assert datasets[name].split(maxsplit=1)[1].startswith(state)
    assert main(["sources"]) == 0
    assert re.search(r"^  esc50 +is fetched  K. J. Piczak", capsys.readouterr().out, flags=re.MULTILINE)


def test_an_overlay_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["sources", "--configfile", "absent.yaml"])
    assert "absent.yaml: cannot be read as YAML" in capsys.readouterr().err
