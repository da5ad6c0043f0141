"""The sub-packages of soundbench import in one direction, and files stay short."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from helpers.workflow import REPOSITORY
from soundbench.core.code_digest import imported_modules

PACKAGE = REPOSITORY / "scripts" / "soundbench"
# A module imports from its own sub-package and from those before it.
ORDER = (
    "core",
    "tasks",
    "data",
    "augment",
    "features",
    "models",
    "training",
    "evaluation",
    "inference",
    "report",
    "export",
    "config",
    "study",
)


def test_every_sub_package_has_a_position() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ORDER)
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("package", ORDER)
def test_modules_import_from_earlier_sub_packages_only(package: str) -> None:
    allowed = ORDER[: ORDER.index(package) + 1]
    wrong = {
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in (PACKAGE / package).rglob("*.py")
        for name in imported_modules(path)
        if name.count(".") and name.split(".")[1] not in allowed
    }
    assert not wrong


def test_tests_lie_in_the_folder_of_what_they_test() -> None:
    others = {"workflow", "project", "hostile", "slurm"}
    files: list[Path] = list((REPOSITORY / "tests").rglob("test_*.py"))
    assert len(files) > 40
    assert {file.parent.name for file in files} <= {*ORDER, *others}


def test_modules_and_rules_stay_short() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    long = {}
    for name in listed.stdout.splitlines():
        limit = {".py": 250, ".smk": 150}.get(Path(name).suffix)
        if limit and not name.startswith("tests/") and (REPOSITORY / name).exists():
            lines = (REPOSITORY / name).read_text().count("\n")
            if lines > limit:
                long[name] = lines
    assert not long
