"""Find, check and load the folders of trained models.

A model is its weights (``model.safetensors``) and its description (``model.json``). No other file is read. Pickles are
never loaded, because they can run any code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from soundbench.core.errors import InputError
from soundbench.core.storage import read_mapping
from soundbench.models.description import Description, complete_description, features_shape
from soundbench.models.families import is_fitted
from soundbench.models.registry import averages_predictions, build_model
from soundbench.tasks.registry import task_class

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"
CHECKPOINT = "checkpoint.pt"
PICKLES = {".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth"}


def find_models(folder: str | Path) -> list[str]:
    """The folders of the models to average: ``folder`` itself, or the folders of folds, or of seeds and folds, in it.

    Raises:
        InputError: there is none, or some of them cannot be used; all reasons are named.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise InputError(f"{folder}: there is no such folder; name a folder with {WEIGHTS} and {DESCRIPTION}")
    models = [root] if _holds_model(root) else _numbered(root, "fold")
    models = models or [fold for seed in _numbered(root, "seed") for fold in _numbered(seed, "fold")]
    if not models:
        raise InputError(
            f"{folder}: holds no model: neither {WEIGHTS} and {DESCRIPTION}, nor folders fold1, ... or seed1, ..."
        )
    if problems := [problem for path in models for problem in folder_problems(path)]:
        raise InputError(problems, f"{folder} cannot be used as a model:" if len(models) > 1 else "")
    return list(map(str, models))


def _holds_model(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()}
    return bool(names & {WEIGHTS, DESCRIPTION, CHECKPOINT}) or any(Path(name).suffix in PICKLES for name in names)


def _numbered(folder: Path, name: str) -> list[Path]:
    """The sub-folders ``name1``, ``name2`` and so on, in the order of their numbers."""
    matches = ((path, re.fullmatch(rf"{name}(\d+)", path.name)) for path in folder.iterdir() if path.is_dir())
    numbers = {path: int(match[1]) for path, match in matches if match}
    return sorted(numbers, key=numbers.__getitem__)


def folder_problems(folder: Path) -> Iterator[str]:
    """The reasons why the model in a folder cannot be used; the weights are not checked."""
    missing = [name for name in (WEIGHTS, DESCRIPTION) if not (folder / name).is_file()]
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES and path.name != CHECKPOINT)
    if pickles:
        yield f"{folder}: holds {', '.join(pickles)}. Pickles can run any code, so only {WEIGHTS} is loaded"
    if missing and (folder / CHECKPOINT).exists():
        yield f"{folder}: its training is not finished; it holds a checkpoint, but no {' and no '.join(missing)}"
    elif missing:
        yield f"{folder}: lacks {' and '.join(missing)}"
    if (folder / DESCRIPTION).is_file():
        try:
            read_description(folder)
        except InputError as error:
            yield from error.problems


def read_description(folder: str | Path) -> Description:
    """Read ``model.json``, with defaults for the keys that an older one lacks.

    Raises:
        InputError: it cannot be read, or fields are missing or wrong; all of them are named.
    """
    path = Path(folder) / DESCRIPTION
    description, problems = complete_description(read_mapping(path))
    if problems:
        raise InputError([f"{path}: {problem}" for problem in problems])
    return description


def load_model(folder: str | Path) -> tuple[nn.Module, Description]:
    """Rebuild a trained network from its folder, in evaluation mode; also returns its description.

    Raises:
        InputError: the description or the weights cannot be read, do not fit each other, or hold numbers that are not
            finite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from soundbench.core.finite import check_weights
    from soundbench.models.mean_outputs import MeanOutputs

    description = read_description(folder)
    weights = Path(folder) / WEIGHTS
    if is_fitted(description["recipe"]["family"]):
        return _load_fitted(weights, description), description
    network = _build(description, Path(folder) / DESCRIPTION)
    try:
        state = load_file(weights)
        network = MeanOutputs.of_state(network, state) if averages_predictions(description["recipe"]) else network
        network.load_state_dict(state)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{weights}: cannot be read as safetensors ({error})") from error
    except (RuntimeError, TypeError) as error:
        raise InputError(f"{weights}: does not fit {DESCRIPTION} ({str(error).splitlines()[0]})") from error
    check_weights(state, f"{weights}:", "its training failed; train it again")
    return network.eval(), description


def _load_fitted(file: Path, description: Description) -> nn.Module:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from soundbench.models.fitted import from_state

    try:
        state = load_file(file)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{file}: cannot be read as safetensors ({error})") from error
    return from_state(state, task_class(description).fitted_by, len(description["labels"]), file).eval()


def _build(description: Description, path: Path) -> nn.Module:
    try:
        return build_model(description["recipe"], len(description["labels"]), features_shape(description))
    except InputError as error:
        raise InputError(f"{path}: {problem}" for problem in error.problems) from error
    except Exception as error:  # libraries raise errors of any type if settings do not fit each other
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: no network can be built from its recipe ({reason})") from error
