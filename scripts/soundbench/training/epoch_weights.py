"""The weights after every epoch of a training, kept for the comparison of rules that choose an epoch.

Each epoch is one file while the training lasts, beside its checkpoint. At the end they become one archive, which is an
output of the training job. Nothing that trains or chooses reads it.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load, save_file

from soundbench.core.storage import atomic_path

Weights = dict[str, torch.Tensor]

SUFFIX = ".safetensors"


class EpochWeights:
    """The weights of the epochs of one training.

    Args:
        folder: where they are while the training lasts.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def holds(self, epochs: int) -> bool:
        """Whether the weights after each of the first ``epochs`` epochs are there."""
        return all(self._file(epoch).exists() for epoch in range(1, epochs + 1))

    def save(self, epoch: int, weights: Weights) -> None:
        """Keep the weights after an epoch."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self._file(epoch)) as temporary:
            save_file({name: value.cpu().contiguous() for name, value in weights.items()}, temporary)

    def write(self, archive: Path, epochs: int) -> None:
        """Write the archive of the first ``epochs`` epochs."""
        with atomic_path(archive) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as file:
            for epoch in range(1, epochs + 1):
                file.write(self._file(epoch), self._file(epoch).name)

    def remove(self) -> None:
        """Remove the files of the epochs, if there are any."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, epoch: int) -> Path:
        return self.folder / f"{epoch}{SUFFIX}"


def read_epochs(archive: str | Path) -> Iterator[tuple[int, Weights]]:
    """The epochs of an archive and their weights, one after the other."""
    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            yield int(name.removesuffix(SUFFIX)), load(file.read(name))
