"""The weights after the epochs of a training, kept for the comparison of rules that choose an epoch.

Each epoch is one file while the training lasts, beside its checkpoint. At the end they become one archive, which is an
output of the training job. Nothing that trains or chooses reads it.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from soundbench.core.storage import atomic_path

if TYPE_CHECKING:
    import torch

SUFFIX = ".safetensors"


class EpochWeights:
    """The weights of every ``interval``-th epoch of one training, and of the last one.

    Args:
        folder: where they are while the training lasts.
    """

    def __init__(self, folder: Path, interval: int) -> None:
        self.folder = folder
        self.interval = interval

    def kept(self, epochs: int) -> list[int]:
        """Which of the first ``epochs`` epochs are kept if the training ends there."""
        return [epoch for epoch in range(1, epochs + 1) if epoch % self.interval == 0 or epoch == epochs]

    def holds(self, epochs: int) -> bool:
        """Whether the weights are there that a training needs to go on after its first ``epochs`` epochs.

        Those of the last of these epochs may be gone, because the training was further when it was interrupted.
        """
        return all(self._file(epoch).exists() for epoch in range(self.interval, epochs + 1, self.interval))

    def save(self, epoch: int, weights: dict[str, torch.Tensor]) -> None:
        """Keep the weights after an epoch, and remove those of the epoch before if it is not one to keep."""
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self._file(epoch)) as temporary:
            save_file({name: value.cpu().contiguous() for name, value in weights.items()}, temporary)
        if (epoch - 1) % self.interval:
            self._file(epoch - 1).unlink(missing_ok=True)

    def write(self, archive: Path, epochs: int) -> None:
        """Write the archive of a training of so many epochs."""
        with atomic_path(archive) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as file:
            file.comment = str(self.interval).encode()
            for epoch in self.kept(epochs):
                file.write(self._file(epoch), self._file(epoch).name)

    def remove(self) -> None:
        """Remove the files of the epochs, if there are any."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, epoch: int) -> Path:
        return self.folder / f"{epoch}{SUFFIX}"


def archive_interval(archive: Path) -> int:
    """The interval of the epochs in an archive; 0 if there is none."""
    if not archive.exists():
        return 0
    with zipfile.ZipFile(archive) as file:
        return int(file.comment or 1)


def read_epochs(archive: str | Path) -> Iterator[tuple[int, dict[str, torch.Tensor]]]:
    """The epochs of an archive and their weights, one after the other."""
    from safetensors.torch import load

    with zipfile.ZipFile(archive) as file:
        for name in file.namelist():
            yield int(name.removesuffix(SUFFIX)), load(file.read(name))
