"""Finished models that Snakemake has not accepted yet, kept beside the outputs of their run.

Snakemake deletes the outputs of a job that ended while Snakemake did not run, or whose inputs have later dates than its
outputs. The next attempt then restores the kept files instead of training again. They are hard links, which take no
space on the disk. They are removed when the model is evaluated.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from soundbench.core.storage import atomic_folder, atomic_path, file_sha256, link_or_copy, read_json, write_json

KEPT = ".finished"
TRIALS = "trials"  # the folder of the trials of a run that successive halving has chosen
DIGESTS = "digests.json"


def keep_finished(files: Sequence[Path], fingerprint: str) -> None:
    """Keep the files of a finished run with its fingerprint and their digests; all files are in one folder."""
    with atomic_folder(files[0].parent / KEPT) as temporary:
        for file in files:
            link_or_copy(file, temporary / file.name)
        digests = {file.name: file_sha256(file) for file in files}
        write_json(temporary / DIGESTS, {"fingerprint": fingerprint, "sha256": digests})


def restore_finished(files: Sequence[Path], fingerprint: str) -> bool:
    """Restore the kept files of a run.

    Returns:
        False if no run with this fingerprint has finished, or if a kept file is damaged; nothing is written then.
    """
    kept = files[0].parent / KEPT
    try:
        saved = read_json(kept / DIGESTS)
        intact = all(file_sha256(kept / file.name) == saved["sha256"][file.name] for file in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if not intact or saved["fingerprint"] != fingerprint:
        return False
    for file in files:
        with atomic_path(file) as temporary:
            shutil.copyfile(kept / file.name, temporary)  # a copy, because Snakemake needs the present date
    return True


def forget_finished(folder: str | Path) -> None:
    """Remove what a run has kept for a next attempt, since Snakemake has accepted its outputs."""
    for kept in (KEPT, TRIALS):
        shutil.rmtree(Path(folder) / kept, ignore_errors=True)
