"""Initial weights: the files of a run, of a folder or of published weights, and what they were trained on.

This module works without torch, so that a configuration is checked before any job starts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soundbench.core.errors import InputError
from soundbench.core.storage import read_json, read_mapping
from soundbench.data.trained_on import TRAINED_ON, read_trained_on
from soundbench.models.families import FAMILIES

Config = dict[str, Any]

# The name of the published weights of each family that has them; `published` in its module gives their address.
PUBLISHED = {name: weights for name in FAMILIES.names if (weights := FAMILIES.constant(name, "PUBLISHED"))}

# The commits in repositories of the Hugging Face Hub that the configuration's weights are taken from, so that a later
# upload does not change results. From other repositories the newest commit is taken; fetch_weights records it.
REVISIONS = {
    "MIT/ast-finetuned-audioset-10-10-0.4593": "f826b80d28226b62986cc218e5cec390b1096902",
    "facebook/wav2vec2-base": "0b5b8e868dd84f03fd87d01f9c4ff0f080fecfe8",
    "microsoft/wavlm-base-plus": "4c66d4806a428f2e922ccfa1a962776e232d487b",
    "timm/resnet18.a1_in1k": "491b427b45c94c7fb0e78b5474cc919aff584bbf",
}

# The names that timm and transformers give to files of weights; the first that exists is taken.
WEIGHTS_FILES = ("model.safetensors", "pytorch_model.bin")
# Files beside the weights that describe them: those of a run, and the configuration that transformers saves.
COMPANIONS = ("model.json", "config.json", "preprocessor_config.json", TRAINED_ON)


@dataclass(frozen=True)
class Address:
    """The address of published weights: a repository of the Hugging Face Hub, or a URL.

    ``names`` are the possible file names of the weights, the preferred one first. ``companions`` are files that are
    needed with them.
    """

    location: str
    names: tuple[str, ...]
    companions: tuple[str, ...] = ()

    @property
    def is_url(self) -> bool:
        """Whether ``location`` is the URL of the file itself."""
        return "://" in self.location

    @property
    def revision(self) -> str:
        """The commit of the repository that the files are taken from, or ``main`` for the newest."""
        return REVISIONS.get(self.location, "main")

    def urls(self) -> list[str]:
        """The URLs of the files for a browser."""
        if self.is_url:
            return [self.location]
        folder = f"https://huggingface.co/{self.location}/resolve/{self.revision}"
        return [f"{folder}/{name}" for name in (self.names[0], *self.companions)]


@dataclass(frozen=True)
class Weights:
    """A file of initial weights, and the description of the run that wrote it, if a run of this workflow did."""

    file: Path
    run: dict[str, Any] | None = None

    @property
    def sources(self) -> list[str]:
        """The sources that the run, and the runs that it started from, were trained on."""
        return self.run["sources"] if self.run else []

    @property
    def trained_on(self) -> frozenset[str]:
        """The digests of the clips that these runs were trained and validated on; empty for other weights."""
        return read_trained_on(self.file.parent, self.run) if self.run else frozenset()


def find_weights(files: Sequence[str]) -> Weights | None:
    """The weights among the input ``files`` of a training job; None if there are none.

    Args:
        files: the files that :func:`weight_files` lists, or the manifest that ``fetch_weights`` wrote.

    Raises:
        InputError: fetched weights no longer exist, or a run does not state what it was trained on.
    """
    if not files:
        return None
    if files[0].endswith(".json"):
        fetched = [Path(name) for name in read_json(files[0])["files"]]
        if missing := [str(path) for path in fetched if not path.exists()]:
            raise InputError(f"{', '.join(missing)}: no longer exists; remove {files[0]} to fetch the weights again")
        return Weights(fetched[0])
    descriptions = [name for name in files if Path(name).name == "model.json"]
    return Weights(Path(files[0]), _read_run(descriptions[0]) if descriptions else None)


def _read_run(file: str) -> dict[str, Any]:
    from soundbench.models.description import run_problems  # here, because it imports this module through the families

    run = read_mapping(file)
    if problems := run_problems(run):
        raise InputError(f"{file}: {problem}" for problem in problems)
    if "sources" not in run:
        raise InputError(f"{file}: does not state on which sources the run was trained; train it again")
    return run


def results_folder(config: Config) -> str:
    """The folder of all results of the workflow."""
    return (config.get("pathvars") or {}).get("results", "results")


def workflow_run(pretrained: str, results: str) -> re.Match[str] | None:
    """Match the path of a run of this workflow, with groups ``dataset``, ``model``, ``seed`` and ``fold``.

    The run need not exist: the workflow makes it.
    """
    folder = f"(?:<results>|{re.escape(results)})/runs/(?P<dataset>[^/]+)/(?P<model>[^/]+)"
    return re.fullmatch(rf"{folder}/seed(?P<seed>\d+)/fold(?P<fold>\d+)/?", pretrained)


def weight_files(pretrained: str, results: str) -> list[str]:
    """The file of weights at a path and the files beside it that describe it; empty if there is none."""
    if workflow_run(pretrained, results):
        return [f"{pretrained.rstrip('/')}/{name}" for name in ("model.safetensors", "model.json", TRAINED_ON)]
    path = Path(pretrained).expanduser()
    candidates = [path / name for name in WEIGHTS_FILES] if path.is_dir() else [path]
    weights = next((file for file in candidates if file.is_file()), None)
    return [] if weights is None else [str(file) for file in (weights, *_companions(weights))]


def _companions(weights: Path) -> list[Path]:
    return [file for name in COMPANIONS if (file := weights.with_name(name)).is_file()]
