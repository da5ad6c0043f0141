"""Environments with the package of a commit, for a workflow that Snakemake reads from a repository."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from soundbench.study.environments import package_address, write_environment

ADDRESS = "git+https://github.com/someone/soundbench@0123abcd"


def test_an_environment_installs_the_package_after_its_own_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path(write_environment("data", "dependencies: []\n", ADDRESS))
    assert file.read_text() == "dependencies: []\n"
    script = file.with_suffix(".post-deploy.sh").read_text()
    assert f'pip install --no-deps "soundbench @ {ADDRESS}"' in script
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_files_of_an_environment_stay_while_they_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs plan again while others read them. Another commit has files of its own."""
    monkeypatch.chdir(tmp_path)
    file = Path(write_environment("data", "dependencies: []\n", ADDRESS))
    before = file.stat().st_ino
    assert write_environment("data", "dependencies: []\n", ADDRESS) == str(file)
    assert file.stat().st_ino == before
    assert write_environment("data", "dependencies: []\n", f"{ADDRESS}ef") != str(file)


def test_the_address_of_a_tag_names_its_commit() -> None:
    commits = {"v1": SimpleNamespace(hexsha="0123abcd")}
    hosted = SimpleNamespace(repo=SimpleNamespace(commit=commits.__getitem__))
    source = SimpleNamespace(host="github.com", repo="someone/soundbench", ref="v1", hosted_repo=hosted)
    assert package_address(source) == ADDRESS
    assert package_address(SimpleNamespace(path="https://example.org/Snakefile")) is None
