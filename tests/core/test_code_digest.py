"""Code digests cover the code that a script runs, and no other code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.workflow import REPOSITORY, Workflow
from soundbench.core.code_digest import imported_names, modules_of

SCRIPTS = sorted(path.stem for path in (REPOSITORY / "scripts").glob("*.py"))

# Too heavy to import where it is not used; each takes from half a second to several.
HEAVY = {
    "torch",
    "torchaudio",
    "torchvision",
    "timm",
    "transformers",
    "librosa",
    "sklearn",
    "matplotlib",
    "scipy",
    "pandas",
}
USES = {
    "aggregate_comparisons": {"pandas"},
    "aggregate_contamination": {"pandas"},
    "aggregate_costs": {"pandas"},
    "aggregate_details": {"pandas"},
    "aggregate_epochs": {"pandas"},
    "aggregate_ledger": {"pandas"},
    "aggregate_robustness": {"pandas"},
    "aggregate_scores": {"pandas"},
    "aggregate_transfer": {"pandas"},
    "audit_clips": {"pandas"},
    "augment_clips": {"pandas"},
    "choose_trial": {"pandas"},
    "compute_features": {"pandas", "torch"},
    "draw_features": {"matplotlib"},
    "draw_figures": {"pandas"},  # each figure imports what it needs
    "embed_clips": {"torch"},
    "evaluate_ensemble": {"pandas", "torch"},
    "evaluate_epochs": {"pandas", "torch"},
    "evaluate_model": {"pandas", "torch"},
    "evaluate_robustness": {"pandas"},
    "evaluate_transfer": {"pandas"},
    "explore_dataset": {"matplotlib", "pandas"},
    "export_model": {"pandas", "torch"},
    "fetch_dataset": set(),
    "fetch_weights": set(),
    "find_noise_overlap": {"pandas"},
    "find_overlap": {"pandas"},
    "gather_copies": {"pandas"},
    "gather_features": {"pandas"},
    "halve_trials": {"pandas", "torch"},
    "index_clips": set(),
    "inspect_clips": set(),
    "measure_confounds": {"pandas"},
    "page_predictions": {"pandas"},
    "perturb_features": {"pandas"},
    "predict_clips": set(),  # so that --help takes no time
    "show_variants": {"matplotlib", "pandas"},
    "split_clips": {"pandas"},
    "train_model": {"pandas", "torch"},
    "write_report": {"pandas"},
}


# Run by a Python of its own: each script is imported in a process that is forked from one with its packages.
IMPORTS = """
import importlib, json, os, sys
scripts, packages = map(json.loads, sys.argv[1:])
for package in packages:
    importlib.import_module(package)
for script, imports in scripts.items():
    if not os.fork():
        exec(imports)
        print(json.dumps([script, *sys.modules]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, script
"""


def imported_by(scripts: list[str], packages: set[str]) -> dict[str, set[str]]:
    """What is in ``sys.modules`` after the import statements of each script, with ``packages`` imported before."""
    texts = {script: (REPOSITORY / "scripts" / f"{script}.py").read_text() for script in scripts}
    imports = {script: re.split(r"^with |^[a-z_]+\(", text, flags=re.MULTILINE)[0] for script, text in texts.items()}
    command = [sys.executable, "-c", IMPORTS, json.dumps(imports), json.dumps(sorted(packages))]
    done = subprocess.run(command, cwd=REPOSITORY / "scripts", capture_output=True, text=True, check=True)
    return {script: set(loaded) for script, *loaded in map(json.loads, done.stdout.splitlines())}


def test_every_script_states_its_heavy_packages() -> None:
    assert list(USES) == SCRIPTS


@pytest.mark.slow
@pytest.mark.parametrize("packages", sorted({tuple(sorted(packages)) for packages in USES.values()}), ids="-".join)
def test_digests_cover_what_the_scripts_import_and_start_up_is_lean(packages: tuple[str, ...]) -> None:
    scripts = [script for script in SCRIPTS if USES[script] == set(packages)]
    loaded = imported_by(scripts, set(packages))
    assert list(loaded) == scripts
    for script, modules in loaded.items():
        ours = {name for name in modules if name.split(".")[0] == "soundbench"}
        assert ours <= modules_of(script)
        assert modules & HEAVY == USES[script], script


def test_family_counts_only_for_its_own_models() -> None:
    assert "soundbench.models.families.cnn" not in modules_of("train_model", "soundbench.models.families.timm")
    assert "soundbench.models.families.cnn" in modules_of("train_model", "soundbench.models.families.cnn")


def test_imports_inside_functions_count_and_those_for_type_checkers_do_not(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import torch\nelse:\n    import json\n"
        "def later():\n    from a.b import c\n"
    )
    assert imported_names(file) == {"typing", "typing.TYPE_CHECKING", "json", "a", "a.b", "a.b.c"}


def test_unknown_module_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"soundbench\.models\.families\.nothing"):
        modules_of("train_model", "soundbench.models.families.nothing")


def digest(workflow: Workflow, script: str) -> str:
    code = f"from soundbench.core.code_digest import code_digest; print(code_digest({script!r}))"
    scripts = workflow.folder / "scripts"
    return subprocess.run([sys.executable, "-c", code], cwd=scripts, capture_output=True, text=True, check=True).stdout


def edit(workflow: Workflow, module: str, old: str, new: str) -> None:
    path: Path = workflow.folder / "scripts" / "soundbench" / f"{module}.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.slow
def test_prose_does_not_change_the_digest_but_code_does(workflow: Workflow) -> None:
    before = digest(workflow, "split_clips")
    edit(workflow, "data/schemes", '"""Schemes of splits', '"""Schemes, reworded')
    assert digest(workflow, "split_clips") == before
    edit(workflow, "data/schemes", '"nested"', '"nestled"')
    assert digest(workflow, "split_clips") != before


@pytest.mark.slow
def test_a_template_counts_for_the_pages_that_are_made_of_it(workflow: Workflow) -> None:
    scripts = ("audit_clips", "page_predictions", "train_model")
    before = [digest(workflow, script) for script in scripts]
    for template, changed in (("audit.html", [True, False, False]), ("page.html", [True, True, False])):
        path = workflow.folder / "scripts" / "soundbench" / "report" / "templates" / template
        path.write_text(path.read_text() + "<!-- another -->")
        after = [digest(workflow, script) for script in scripts]
        assert [old != new for old, new in zip(before, after, strict=True)] == changed
        before = after
