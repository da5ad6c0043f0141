"""The compiled functions of librosa, which numba keeps in a folder, so that only the first job waits for them.

If two processes compile the same function at the same time, numba can store two parts that do not fit together. Then
every later process that loads them ends with a segmentation fault (https://github.com/numba/numba/issues/10128). Here
one process compiles into a folder that no other process knows, and the folder gets its name when it is complete.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from soundbench.core.errors import InputError
from soundbench.core.locks import wait_for_lock
from soundbench.core.storage import atomic_folder

# The modules whose functions numba compiles when they are imported, as far as front-ends need them.
COMPILE = "import librosa.core.audio, librosa.core.pitch, librosa.util.utils"
REMEDY = "set NUMBA_CACHE_DIR to a folder that you can write"


def use_compiled_librosa() -> None:
    """Let this process load the compiled functions of librosa. It has to be called before librosa is imported.

    The first call of an installation on a kind of processor compiles them, which takes about 30 s. They are stored
    below ``NUMBA_CACHE_DIR`` if it is set, and else in the user's cache folder.

    Raises:
        InputError: the folder cannot be written, or the user has none.
    """
    import numba

    caches = Path(numba.config.CACHE_DIR or _user_caches())
    folder = caches / f"librosa-{_key()}"
    if caches.name == folder.name:
        return  # an earlier call
    if not folder.exists():
        try:
            _compile_once(folder)
        except OSError as error:
            problem = f"{folder}: compiled functions of librosa cannot be stored here ({error}); {REMEDY}"
            raise InputError(problem) from error
    numba.config.CACHE_DIR = str(folder)


def _user_caches() -> Path:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "soundbench"
    except RuntimeError as error:  # a user of a container without a name
        raise InputError(f"compiled functions of librosa: this user has no home folder; {REMEDY}") from error


@cache
def _key() -> str:
    """16 digits for what compiled functions depend on: where librosa is installed, versions, and the processor."""
    from llvmlite import binding

    installed = find_spec("librosa")
    packages = [version(name) for name in ("librosa", "numba", "llvmlite", "numpy")]
    processor = [binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()]
    parts = [installed and installed.origin, platform.python_version(), *packages, *processor]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _compile_once(folder: Path) -> None:
    """Compile into ``folder``, or wait for the process that does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with wait_for_lock(folder.with_suffix(".lock")):
        if folder.exists():
            return
        with atomic_folder(folder) as temporary:
            environment = os.environ | {"NUMBA_CACHE_DIR": str(temporary)}
            subprocess.run([sys.executable, "-c", COMPILE], env=environment, check=True)
