"""A training run: its names, its recipes and its output files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundbench.core.storage import read_json
from soundbench.data.trained_on import TRAINED_ON
from soundbench.data.view import AugmentationRule
from soundbench.tasks.registry import DEFAULT
from soundbench.training.epoch_weights import archive_interval

if TYPE_CHECKING:
    from torch import Tensor

    from soundbench.features.normalisation import Normalisation


@dataclass(frozen=True)
class Run:
    """One training: the names that identify it and the recipes that it follows."""

    dataset: str
    model: str
    seed: int
    fold: int
    protocol: str
    recipe: dict[str, Any]
    front_end: dict[str, Any]
    augment: list[AugmentationRule] = field(default_factory=list)
    code: str = ""
    source: str = ""
    task: str = DEFAULT
    options: dict[str, Any] = field(default_factory=dict)  # of the task, see Task.options

    @property
    def tag(self) -> str:
        """``[dataset/model/seed/fold]``, the beginning of each of its log lines."""
        return f"[{self.dataset}/{self.model}/seed{self.seed}/fold{self.fold}]"


@dataclass(frozen=True)
class Execution:
    """How a process trains a run.

    Attributes:
        checkpoint_seconds: the time between two checkpoints (s).
        device: ``auto`` uses a GPU if there is one; ``cpu`` never does.
    """

    threads: int
    checkpoint_seconds: float
    device: str = "auto"


@dataclass(frozen=True)
class Outputs:
    """The output files of a run; ``folder`` also holds the checkpoint until the run is finished.

    Attributes:
        epoch_interval: the weights after every so many epochs, and after the last one, are an output; 0: after none.
            For models whose epochs are not compared, the archive is empty.
    """

    folder: Path
    epoch_interval: int = 0

    @property
    def model(self) -> Path:
        """The weights, as safetensors."""
        return self.folder / "model.safetensors"

    @property
    def description(self) -> Path:
        """Everything that is needed to rebuild the model and to compute its input."""
        return self.folder / "model.json"

    @property
    def trained_on(self) -> Path:
        """The digests of the clips that the model was trained and validated on."""
        return self.folder / TRAINED_ON

    @property
    def history(self) -> Path:
        """One row per epoch."""
        return self.folder / "history.csv"

    @property
    def epochs(self) -> Path:
        """The weights after the epochs that are kept, in one archive."""
        return self.folder / "epochs.zip"

    @property
    def epoch_folder(self) -> Path:
        """Where they are until the run is finished."""
        return self.folder / "epochs"

    @property
    def events(self) -> Path:
        """The folder for TensorBoard; like the checkpoint, it is not an output of the rule."""
        return self.folder / "tensorboard"

    @property
    def files(self) -> list[Path]:
        """The outputs of the rule."""
        always = [self.model, self.description, self.trained_on, self.history]
        return [*always, self.epochs] if self.epoch_interval else always

    def complete(self, fingerprint: str) -> bool:
        """Whether a run with this fingerprint has finished in this folder."""
        if not all(file.exists() for file in self.files):
            return False
        if self.epoch_interval not in (0, archive_interval(self.epochs)):
            return False
        return read_json(self.description)["fingerprint"] == fingerprint


@dataclass(frozen=True)
class Trained:
    """What a training leaves behind, be it of a network or of a classifier that is fitted at once.

    Attributes:
        state: the tensors of ``model.safetensors``.
        history: one row per epoch.
        best_epoch: the epoch with the lowest validation loss, and ``kept_epoch`` the one whose weights are kept.
        normalisation: of the features that the model takes.
        parameters: how many numbers were learned.
        seconds: ``wall`` and ``cpu`` time (s).
        diverged: why a trial has no weights: its loss or weights were no longer finite; otherwise empty.
        paused: whether the training has epochs left and a checkpoint to go on from.
    """

    state: dict[str, Tensor]
    history: list[dict[str, float]]
    best_epoch: int
    kept_epoch: int
    normalisation: Normalisation
    parameters: int
    seconds: dict[str, float]
    device: str
    diverged: str = ""
    paused: bool = False
