"""One set of pinned versions, profiles that work together, and no paths of the machine that wrote them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers import standin_conda
from helpers.workflow import REPOSITORY
from soundbench.study.training_jobs import RULE
from tools.write_environments import environment_text, files_of, imported_packages, locked

LOCK = locked()
ENVIRONMENTS = sorted((REPOSITORY / "envs").glob("*.yaml"))


# Named on the command line, or loaded by what is.
PROGRAMS = {"snakemake", "snakemake-executor-plugin-slurm"}
PROGRAMS_OF_TESTS = {"codespell", "hatchling", "mypy", "pytest-xdist", "ruff", "snakefmt"}
STUBS = {"types-psutil", "types-pyyaml", "types-requests", "types-tqdm"}  # types of packages that have none themselves


def direct_requirements() -> tuple[list[Requirement], list[Requirement]]:
    """What requirements.txt asks for: for the workflow, and for its tests."""
    parts = (REPOSITORY / "requirements.txt").read_text().split("# tests\n")
    own, tests = ([Requirement(x) for x in part.splitlines() if x and not x.startswith("#")] for part in parts)
    return own, tests


@pytest.mark.slow
def test_requirements_are_what_is_imported() -> None:
    own, tests = ({canonicalize_name(requirement.name) for requirement in part} for part in direct_requirements())
    folders = (REPOSITORY / "scripts", REPOSITORY / "tests")
    scripts, testing = (imported_packages(set(folder.rglob("*.py"))) for folder in folders)
    assert own == scripts | PROGRAMS
    assert tests == (testing - own) | PROGRAMS_OF_TESTS | STUBS


def test_lock_pins_every_direct_requirement_within_its_range() -> None:
    own, tests = direct_requirements()
    direct = [*own, *tests]
    assert len(direct) > 20
    for requirement in direct:
        pin = next(iter(LOCK[canonicalize_name(requirement.name)].specifier))
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), requirement


def test_lock_names_no_host() -> None:
    assert not re.search(r"https?:|file:|@", (REPOSITORY / "requirements.lock").read_text())


def test_lock_has_digests_of_the_files_for_several_platforms() -> None:
    """Of the files that one platform would get alone, others could not be installed."""
    text = (REPOSITORY / "requirements.lock").read_text().replace("\\\n", "")
    digests = {
        line.split("==")[0]: len(re.findall(r" --hash=sha256:[0-9a-f]{64}\b", line)) for line in text.splitlines()
    }
    assert set(digests) == set(LOCK)
    assert len(digests) == len(text.splitlines())  # one version of each
    assert all(digests.values())
    assert digests["numpy"] > 20
    assert "--require-hashes" in (REPOSITORY / "Makefile").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_is_what_its_scripts_import(path: Path) -> None:
    """And what that requires: nothing is missing, and nothing is in it that no script needs."""
    assert path.read_text() == environment_text(path.stem), "run: python tests/tools/write_environments.py"


def test_an_environment_lacks_what_its_file_does_not_pin(tmp_path: Path) -> None:
    """Although Snakemake appends its own packages to the path of a script."""
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump({"dependencies": ["python=3.11", {"pip": [str(LOCK["pyyaml"])]}]}))
    python = standin_conda.create_environment(file, tmp_path / "small")

    def imported(module: str) -> bool:
        extended = f"import sys; sys.path.append({str(Path(yaml.__file__).parents[1])!r}); import {module}"
        return subprocess.run([python, "-c", extended], capture_output=True).returncode == 0

    assert imported("yaml")
    assert imported("snakemake.iocontainers")
    assert not imported("requests")


def test_lazy_and_computed_imports_count() -> None:
    def packages(script: str, *modules: str) -> set[str]:
        return imported_packages(files_of(script, list(modules)))

    assert "scikit-learn" in packages("train_model", "soundbench.models.families.svm")
    assert "librosa" not in packages("compute_features")
    assert "librosa" in packages("compute_features", "soundbench.features.front_ends.functionals")
    assert "torch" not in packages("aggregate_robustness")
    assert "timm" not in packages("train_model")
    assert "timm" in packages("train_model", "soundbench.models.families.timm")
    assert {"tensorboard"} <= packages("train_model")
    assert {"onnxscript"} <= packages("export_model")


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_pins_equal_the_lock(path: Path) -> None:
    environment = yaml.safe_load(path.read_text())
    pins = [
        Requirement(line) for entry in environment["dependencies"] if isinstance(entry, dict) for line in entry["pip"]
    ]
    assert pins
    for pin in pins:
        assert str(pin) == str(LOCK[pin.name]), pin


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_environment_is_one_that_conda_reads(path: Path) -> None:
    """As far as that can be told without conda: its keys, its match specs, and a Python that the pins are for."""
    environment = yaml.safe_load(path.read_text())
    assert set(environment) == {"channels", "dependencies"}
    assert "nodefaults" in environment["channels"]
    specs = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._-]*(=[0-9][0-9a-z.*]*)?", spec) for spec in specs)
    assert {"pip", "python=3.11"} <= set(specs)
    assert all(set(entry) == {"pip"} for entry in environment["dependencies"] if isinstance(entry, dict))


def test_reporting_stays_on_the_submitting_host() -> None:
    """Such jobs take seconds and are not worth a place in a cluster's queue."""
    rules = re.split(r"(?m)^(?=rule )", "\n".join(file.read_text() for file in REPOSITORY.glob("rules/*.smk")))
    reporting = [rule for rule in rules if re.match(r"rule (aggregate_|page_|draw_figures|write_report)", rule)]
    assert len(reporting) == 12
    assert all("    localrule: True\n" in rule for rule in reporting)


def test_every_environment_is_used_and_every_used_one_exists() -> None:
    named = {
        name
        for file in REPOSITORY.glob("rules/*.smk")
        for name in re.findall(r'environment\("(\w+)"\)', file.read_text())
    }
    assert named == {path.stem for path in ENVIRONMENTS}


def test_default_profile_sets_nothing_that_a_site_would() -> None:
    """It is stronger than --profile, key by key."""
    profiles = {
        path.parent.name: yaml.safe_load(path.read_text()) for path in REPOSITORY.glob("profiles/*/config.yaml")
    }
    default = set(profiles.pop("default"))
    assert len(profiles) == 3
    assert not default & {"executor", "jobs", "cores", "default-resources", "set-resources", "set-threads", "retries"}
    for name, profile in profiles.items():
        assert not default & set(profile), name


RULES = {  # the rules, each with the rule that it is a variant of, if any
    name: base
    for file in REPOSITORY.glob("rules/*.smk")
    for base, name in re.findall(r"^(?:rule|use rule (\w+) as) (\w+)\b", file.read_text(), re.M)
}


def test_profiles_name_existing_rules_only() -> None:
    for path in REPOSITORY.glob("profiles/*/config.yaml"):
        profile = yaml.safe_load(path.read_text())
        for key in ("set-resources", "set-threads"):
            assert set(profile.get(key, {})) <= {*RULES, RULE}, path


@pytest.mark.parametrize("name", ["slurm", "gpu"])
def test_all_jobs_of_large_models_have_a_gpu(name: str) -> None:
    requests = yaml.safe_load((REPOSITORY / "profiles" / name / "config.yaml").read_text())["set-resources"]
    large = {rule for rule in RULES if "large" in rule}
    assert len(large) == 5
    assert all(requests[rule]["gpu"] == 1 for rule in large)


@pytest.mark.parametrize("name", ["slurm", "gpu"])
def test_variants_of_rules_on_a_gpu_have_one_too(name: str) -> None:
    requests = yaml.safe_load((REPOSITORY / "profiles" / name / "config.yaml").read_text())["set-resources"]
    variants = {rule: base for rule, base in RULES.items() if base in requests}
    assert variants
    assert all(requests.get(rule) == requests[base] for rule, base in variants.items())


def test_continuous_integration_runs_pinned_actions_that_may_only_read() -> None:
    for path in REPOSITORY.glob(".github/workflows/*.yaml"):
        text = path.read_text()
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {"contents": "read"}
        steps = [step for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
        assert steps
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]) for step in steps)


def test_slurm_link_leads_to_the_profile() -> None:
    assert (REPOSITORY / "slurm").is_symlink()
    assert (REPOSITORY / "slurm").resolve() == REPOSITORY / "profiles" / "slurm"
