"""Finished models that Snakemake has not accepted yet, kept beside the outputs of their run.

Snakemake deletes the outputs of a job that it did not see end, or whose inputs have later dates than its outputs. The
next attempt takes the kept files instead of training again. They are hard links, which take no space on the disk, and
go once the model has been evaluated.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from soundbench.core.storage import atomic_folder, atomic_path, file_sha256, read_json, write_json

KEPT, DIGESTS = ".finished", "digests.json"


def keep_finished(files: Sequence[Path], mark: str) -> None:
    """Keep the files of a finished run, which are in one folder, with its fingerprint ``mark`` and their digests."""
    with atomic_folder(files[0].parent / KEPT) as temporary:
        for file in files:
            _link(file, temporary / file.name)
        digests = {file.name: file_sha256(file) for file in files}
        write_json(temporary / DIGESTS, {"fingerprint": mark, "sha256": digests})


def _link(file: Path, link: Path) -> None:
    try:
        os.link(file, link)
    except OSError:  # some file systems have no hard links
        shutil.copyfile(file, link)


def restore_finished(files: Sequence[Path], mark: str) -> bool:
    """Write the files of a run that has finished with this fingerprint; False if it has not, or they are damaged."""
    kept = files[0].parent / KEPT
    try:
        found = read_json(kept / DIGESTS)
        whole = all(file_sha256(kept / file.name) == found["sha256"][file.name] for file in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if not whole or found["fingerprint"] != mark:
        return False
    for file in files:
        with atomic_path(file) as temporary:
            shutil.copyfile(kept / file.name, temporary)  # not a link: Snakemake wants a date of now
    return True


def forget_finished(folder: str | Path) -> None:
    """Remove what is kept in a run's folder: Snakemake has accepted its outputs."""
    shutil.rmtree(Path(folder) / KEPT, ignore_errors=True)
