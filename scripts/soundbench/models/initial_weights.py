"""Weights to start from: which files they are, what they have been trained on, and what cannot work about them.

Known without importing torch, so that a configuration is checked before any job starts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import read_json
from soundbench.data.trained_on import TRAINED_ON, read_trained_on
from soundbench.features.settings import EMBEDDING
from soundbench.models.families import FAMILIES

Config = dict[str, Any]

# The name of the published weights of those families that have some; their modules say where these are.
PUBLISHED = {name: weights for name in FAMILIES.names if (weights := FAMILIES.constant(name, "PUBLISHED"))}

# The commits of repositories of the Hugging Face Hub from which the configuration's weights are taken, so that a later
# upload changes no result. Of other repositories the newest is taken; fetch_weights records which that is.
REVISIONS = {
    "MIT/ast-finetuned-audioset-10-10-0.4593": "f826b80d28226b62986cc218e5cec390b1096902",
    "timm/resnet18.a1_in1k": "491b427b45c94c7fb0e78b5474cc919aff584bbf",
}

# What timm and transformers call the weights in a folder that they save; the first that exists is taken.
WEIGHTS_FILES = ("model.safetensors", "pytorch_model.bin")
# What tells more about weights, beside them: a run's description, or the configuration that transformers saves.
COMPANIONS = ("model.json", "config.json", TRAINED_ON)


@dataclass(frozen=True)
class Address:
    """Where published weights are: a repository of the Hugging Face Hub, or a URL.

    ``names`` are the weights' possible file names, the best first; ``companions`` belong to them.
    """

    place: str
    names: tuple[str, ...]
    companions: tuple[str, ...] = ()

    @property
    def is_url(self) -> bool:
        """Whether ``place`` is the URL of the file itself."""
        return "://" in self.place

    @property
    def revision(self) -> str:
        """The commit of the repository that the files are of, or its newest."""
        return REVISIONS.get(self.place, "main")

    def urls(self) -> list[str]:
        """Where a browser finds the files."""
        if self.is_url:
            return [self.place]
        folder = f"https://huggingface.co/{self.place}/resolve/{self.revision}"
        return [f"{folder}/{name}" for name in (self.names[0], *self.companions)]


@dataclass(frozen=True)
class Weights:
    """The file of weights to start from, and the description of the run of ours that left it, if one did."""

    file: Path
    run: dict[str, Any] | None = None

    @property
    def sources(self) -> list[str]:
        """The sources that a run of ours, and those that it started from, were trained on."""
        return self.run["sources"] if self.run else []

    @property
    def trained_on(self) -> frozenset[str]:
        """The digests of the clips that these runs were trained and validated on; none are known of other weights."""
        return read_trained_on(self.file.parent, self.run) if self.run else frozenset()


def find_weights(files: Sequence[str]) -> Weights | None:
    """The weights that a training job's input ``files`` stand for: what :func:`weight_files` lists, or the manifest
    that ``fetch_weights`` wrote; None where there are none.

    Raises:
        InputError: fetched weights are gone, or a run does not tell what it was trained on.
    """
    if not files:
        return None
    if files[0].endswith(".json"):
        fetched = [Path(name) for name in read_json(files[0])["files"]]
        if gone := [str(path) for path in fetched if not path.exists()]:
            raise InputError(f"{', '.join(gone)}: no longer there; remove {files[0]} to have the weights fetched again")
        return Weights(fetched[0])
    described = [name for name in files if Path(name).name == "model.json"]
    return Weights(Path(files[0]), _read_run(described[0]) if described else None)


def _read_run(file: str) -> dict[str, Any]:
    from soundbench.models.description import run_problems  # which imports the families, and they this module

    try:
        run: dict[str, Any] = read_json(file)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read as JSON ({error})") from error
    if problems := run_problems(run):
        raise InputError(f"{file}: {problem}" for problem in problems)
    if "sources" not in run:
        raise InputError(f"{file}: does not tell on which sources the run was trained; train it again")
    return run


def workflow_run(pretrained: str, results: str) -> re.Match[str] | None:
    """The parts of the path (``dataset``, ``model``, ``seed``, ``fold``) where it is a run of this workflow, which
    is made if it is not there."""
    folder = f"(?:<results>|{re.escape(results)})/runs/(?P<dataset>[^/]+)/(?P<model>[^/]+)"
    return re.fullmatch(rf"{folder}/seed(?P<seed>\d+)/fold(?P<fold>\d+)/?", pretrained)


def weight_files(pretrained: str, results: str) -> list[str]:
    """The weights at a path and what is beside them; nothing where there are none."""
    if workflow_run(pretrained, results):
        return [f"{pretrained.rstrip('/')}/{name}" for name in ("model.safetensors", "model.json", TRAINED_ON)]
    path = Path(pretrained).expanduser()
    candidates = [path / name for name in WEIGHTS_FILES] if path.is_dir() else [path]
    found = [file for file in candidates if file.is_file()][:1]
    return [str(file) for weights in found for file in (weights, *_companions(weights))]


def _companions(weights: Path) -> list[Path]:
    return [file for name in COMPANIONS if (file := weights.with_name(name)).is_file()]


def model_problems(config: Config, library: Config, chosen: dict[str, list[str]]) -> Iterator[str]:
    """What is wrong with the weights that models start from, and with what of them is trained.

    Args:
        library: the well-formed entries of the configuration.
        chosen: the selected ``datasets`` and ``models``; only for these the files have to exist.
    """
    for name, recipe in library["models"].items():
        trainable = recipe["training"]["trainable"]
        if isinstance(trainable, str) and trainable not in ("all", "head"):
            yield f"models.{name}.training.trainable: {trainable!r} is neither all nor head nor a number of blocks"
        pretrained = recipe["pretrained"]
        if pretrained in PUBLISHED.values():
            if PUBLISHED.get(recipe["family"]) != pretrained:
                yield f"models.{name}.pretrained: no {pretrained} weights are published for {recipe['family']}"
        elif pretrained is not None and name in chosen["models"]:
            yield from weights_problems(f"models.{name}.pretrained", recipe, config, library, chosen, (name,))


def weights_problems(
    where: str,
    start: Config,
    config: Config,
    library: Config,
    chosen: dict[str, list[str]],
    passed: tuple[str, ...] = (),
) -> Iterator[str]:
    """What is wrong with the weights that ``start`` names at the key ``where``: they are not there, or were trained on
    one of the ``chosen`` data sets."""
    try:
        seen = weights_lineage(config, library, start, passed)
    except InputError as error:
        yield from (f"{where}: {problem}" for problem in error.problems)
        return
    for dataset in chosen["datasets"]:
        source = library["datasets"].get(dataset, {}).get("source")
        if source in seen:
            why = refusal(start["pretrained"], source)
            yield f"{where}: {why}. So it is nothing for benchmark.datasets: {dataset}"


def refusal(pretrained: str, source: str) -> str:
    """Why a run cannot be started from on recordings that it may have seen."""
    return f"{pretrained} was trained on {source}, and may have seen the clips that it would be tested on"


def results_folder(config: Config) -> str:
    """The folder of everything that the workflow makes."""
    return (config.get("pathvars") or {}).get("results", "results")


def lineage(config: Config, library: Config, model: str, passed: tuple[str, ...] = ()) -> set[str]:
    """The sources that a model has heard before it is trained: through the weights it starts from, and through those
    that its features are an embedding of.

    Raises:
        InputError: there are no weights at a path, or the path leads back to the model itself.
    """
    if model in passed:
        raise InputError(f"{' starts from '.join((*passed, model))}: without end")
    passed = (*passed, model)
    return set().union(*(weights_lineage(config, library, start, passed) for start in _starts(library, model)))


def _starts(library: Config, model: str) -> list[Config]:
    """What names the weights that a model starts from, and those that its features are an embedding of."""
    recipe = library["models"][model]
    front_end = library["features"].get(recipe["features"], {})
    return [recipe, *([front_end["model"]] if front_end.get("front_end") == EMBEDDING else [])]


def workflow_sources(settings: Config, model: str) -> set[str]:
    """The sources of the runs of this workflow that lead to a model; those of weights from elsewhere are not here."""
    found, waiting, passed = set(), [model], set()
    while waiting:
        passed.add(name := waiting.pop())
        for start in _starts(settings, name):
            if run := workflow_run(start["pretrained"] or "", results_folder(settings)):
                found.add(settings["datasets"][run["dataset"]]["source"])
                waiting += {run["model"]} - passed
    return found


def weights_lineage(config: Config, library: Config, start: Config, passed: tuple[str, ...] = ()) -> set[str]:
    """The sources that the weights ``start["pretrained"]`` were trained on, through all the runs that led to them."""
    pretrained, results = start["pretrained"], results_folder(config)
    if pretrained is None or pretrained in PUBLISHED.values():
        return set()
    if run := workflow_run(pretrained, results):
        view = library["datasets"].get(run["dataset"])
        if view is None or run["model"] not in library["models"]:
            raise InputError(f"{pretrained}: there is no such data set or model in the library")
        if not 1 <= int(run["fold"]) <= view["split"]["folds"]:
            raise InputError(f"{pretrained}: {run['dataset']} has {view['split']['folds']} folds")
        return {view["source"]} | lineage(config, library, run["model"], passed)
    files = weight_files(pretrained, results)
    if not files:
        known = PUBLISHED.get(start.get("family", ""))
        raise InputError(
            f"{pretrained} is neither a file of weights nor a folder with {' or '.join(WEIGHTS_FILES)}"
            + (f", nor {known}" if known else "")
        )
    weights = find_weights(files)
    return set(weights.sources) if weights else set()
