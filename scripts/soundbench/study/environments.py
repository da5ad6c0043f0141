"""Environments of a workflow that Snakemake reads from a repository: those of ``envs``, with the package in them.

A script of a clone imports the package that is beside it. A script that Snakemake has fetched alone has none, so each
environment gets the package of the same commit: Snakemake runs ``NAME.post-deploy.sh`` beside ``NAME.yaml`` when it has
made the environment, and makes it anew if one of the two has changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soundbench.core.storage import write_text

FOLDER = Path(".snakemake/soundbench")  # in the working directory, where Snakemake keeps what it makes for itself

# Without the packages that the whole of soundbench needs: the environment has those that its rules import.
INSTALL = 'python -m pip install --no-deps "soundbench @ {address}"\n'


def package_address(source: Any) -> str | None:
    """What pip installs to get the package of the commit that a file of the workflow belongs to.

    Args:
        source: a file or folder as Snakemake describes it (``snakemake.sourcecache.SourceFile``).

    Returns:
        An address with the commit, also for a tag or a branch; None if the file is in no repository.
    """
    if hasattr(source, "hosted_repo"):
        commit = source.hosted_repo.repo.commit(source.ref).hexsha
        return f"git+https://{source.host}/{source.repo}@{commit}"
    return None


def write_environment(name: str, text: str, address: str) -> str:
    """Write an environment that installs the package, and return the absolute path of its file.

    Args:
        name: the name of a file of ``envs``.
        text: the text of that file.
        address: as :func:`package_address` gives it. Environments of several commits do not replace each other.
    """
    folder = FOLDER.absolute() / address.rpartition("@")[2]
    folder.mkdir(parents=True, exist_ok=True)
    parts = {f"{name}.yaml": text, f"{name}.post-deploy.sh": INSTALL.format(address=address)}
    for part, content in parts.items():
        path = folder / part
        if not path.is_file() or path.read_text(encoding="utf-8") != content:  # jobs that run now may read it
            write_text(path, content)
    return str(folder / f"{name}.yaml")
