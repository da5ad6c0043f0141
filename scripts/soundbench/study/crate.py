"""A finished study as an RO-Crate: the command ``soundbench-crate``.

An RO-Crate is a folder with a description in JSON-LD of what its files are and what made them: S. Soiland-Reyes et al.,
"Packaging research artefacts with RO-Crate", Data Science 2022. The package rocrate writes it.
"""

from __future__ import annotations

import argparse
import csv
import mimetypes
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundbench.config.check import Config, finished_configuration, read_yaml
from soundbench.core.errors import InputError
from soundbench.core.provenance import revision
from soundbench.core.schema import LIBRARY
from soundbench.core.storage import read_json
from soundbench.study import paths
from soundbench.study.augmentation import AugmentationInputs
from soundbench.study.features import FeatureInputs
from soundbench.study.report_items import ReportItems
from soundbench.study.robustness import RobustnessInputs
from soundbench.study.runs import SelectedRuns
from soundbench.study.study import Study
from soundbench.study.training import TrainingInputs
from soundbench.study.transfer import TransferInputs

if TYPE_CHECKING:
    from rocrate.model import Entity
    from rocrate.rocrate import ROCrate

DESCRIPTIONS = {
    "study.yaml": "The configuration of the study, as a difference from the library of soundbench",
    "leaderboard.csv": "One row per data set, model and protocol: mean, spread and interval of the score",
    "scores.csv": "One row per data set, model, seed and fold",
    "comparisons.csv": "The paired differences of models",
    "report.html": "The report of the study",
}
# What is in the folder of the summary beside the tables, figures and pages that the study lists.
TEXTS = (paths.STUDY, paths.LANDING, f"{paths.SUMMARY}/leaderboard.md", f"{paths.SUMMARY}/leaderboard.tex")
NO_LICENSE = "No licence of these results was given."


def write_crate(results: Path, output: Path, license_name: str = NO_LICENSE) -> None:
    """Write the tables, figures and pages of a finished study as an RO-Crate.

    The crate names the configuration, soundbench and the packages with their versions, and the recordings with their
    licences. Recordings and trained models are not in it.

    Args:
        results: the folder of the results of the study.
        output: the folder to make, or a file that ends in ``.zip``.

    Raises:
        InputError: the study is not finished, the output exists, or the package rocrate is not installed.
    """
    _check(results, output)
    from rocrate.rocrate import ROCrate

    crate = ROCrate()
    settings = finished_configuration(LIBRARY, read_yaml(results / "summary" / "study.yaml"))
    scores = _rows(results / "summary" / "scores.csv")
    crate.name = f"Comparison of {_names(scores, 'model')} on {_names(scores, 'dataset')}"
    crate.description = "A study of audio classifiers with soundbench: tables, figures and the report."
    crate.license = license_name
    files = _add_files(crate, results / "summary", summary_files(results, settings))
    study = files["study.yaml"]
    crate.add_action(
        _add_software(crate, results, scores),
        identifier="#study",
        object=[study, *_add_sources(crate, settings, {row["dataset"] for row in scores})],
        result=[file for file in files.values() if file is not study],
        properties={"name": "Training, evaluation and comparison of the models"},
    )
    if output.suffix == ".zip":
        crate.write_zip(output)
    else:
        crate.write(output)


def _check(results: Path, output: Path) -> None:
    problems = []
    if not (results / "summary" / "study.yaml").is_file():
        problems.append(f"{results}: holds no finished study; summary/study.yaml is written at the end of one")
    if output.exists():
        problems.append(f"{output}: exists already")
    if find_spec("rocrate") is None:
        problems.append("the package rocrate is not installed: pip install rocrate")
    if problems:
        raise InputError(problems)


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _names(scores: list[dict[str, str]], column: str) -> str:
    return ", ".join(dict.fromkeys(row[column] for row in scores))


def summary_files(results: Path, settings: Config) -> list[Path]:
    """The files of a study in the folder of its summary, without those that an earlier configuration left there.

    Args:
        settings: the configuration of the study.
    """
    study = Study(settings, lambda path: path.replace("<results>", str(results)))
    runs = SelectedRuns(study)
    augmentation = AugmentationInputs(study)
    features = FeatureInputs(study, augmentation)
    transfers = TransferInputs(study, runs, TrainingInputs(study, features))
    items = ReportItems(study, runs, augmentation, RobustnessInputs(study, runs, features), transfers)
    listed = [Path(study.resolve(path)) for path in (*TEXTS, *items.tables(), *items.files())]
    figures = Path(study.resolve(paths.FIGURES)).rglob("*.svg")  # one job makes the whole folder anew
    return sorted(file for file in (*listed, *figures) if file.is_relative_to(results / "summary") and file.is_file())


def _add_files(crate: ROCrate, summary: Path, files: list[Path]) -> dict[str, Entity]:
    """The files of the summary, by their path in it."""
    added = {}
    for file in files:
        name = file.relative_to(summary).as_posix()
        kind = mimetypes.guess_type(name)[0] or "text/plain"
        properties = {"name": name, "encodingFormat": kind, "contentSize": str(file.stat().st_size)}
        if text := DESCRIPTIONS.get(name):
            properties["description"] = text
        added[name] = crate.add_file(file, f"summary/{name}", properties=properties)
    return added


def _add_software(crate: ROCrate, results: Path, scores: list[dict[str, str]]) -> Entity:
    """soundbench, and the packages that the trainings of these scores imported, with their versions."""
    versions: dict[str, set[str]] = {}
    runs = dict.fromkeys((row["dataset"], row["model"], row["seed"]) for row in scores)
    for dataset, model, seed in runs:
        record = results / "runs" / dataset / model / f"seed{seed}" / "metrics.json"
        packages = read_json(record).get("packages", {}) if record.is_file() else {}
        for name, version in packages.items():
            versions.setdefault(name, set()).add(version)
    packages = [
        _software(crate, name, {"softwareVersion": " and ".join(sorted(found))}) for name, found in versions.items()
    ]
    about = {"url": "https://snakemake.github.io", "softwareRequirements": packages, "softwareVersion": revision()}
    return _software(crate, "soundbench", about)


def _software(crate: ROCrate, name: str, properties: dict[str, Any]) -> Entity:
    from rocrate.model import ContextEntity

    described = {"@type": "SoftwareApplication", "name": name} | properties
    return crate.add(ContextEntity(crate, f"#software-{name}", properties=described))


def _add_sources(crate: ROCrate, config: Config, datasets: set[str]) -> list[Entity]:
    """The sources of the recordings, with the licence and the page that the configuration names."""
    from rocrate.model import ContextEntity

    added = []
    for name in sorted({config["datasets"][dataset]["source"] for dataset in datasets}):
        source = config["sources"][name]
        properties = {"@type": "Dataset", "name": name, "description": f"Recordings, read by {source['reader']}"}
        properties |= {"license": source.get("license") or "not stated in the configuration"}
        if page := source.get("homepage") or source.get("url"):
            properties["url"] = page
        added.append(crate.add(ContextEntity(crate, f"#source-{name}", properties=properties)))
    return added


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write a finished study, without its models, as an RO-Crate.")
    parser.add_argument("results", type=Path, help="the folder of the results of the study")
    parser.add_argument("output", type=Path, help="the folder to make, or a file that ends in .zip")
    parser.add_argument("--license", default=NO_LICENSE, help="name or address of the licence of these results")
    options = parser.parse_args(arguments)
    try:
        write_crate(options.results, options.output, options.license)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
