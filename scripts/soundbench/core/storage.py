"""Reading and writing files: each is written completely or not at all, and equal content gives equal bytes."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundbench.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

FULL = 64 * 1024  # bytes; a disk with fewer free bytes counts as full
AT_ONCE = 8_000_000  # bytes of tables that are read together


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; its file replaces ``path`` after the block has succeeded.

    A reader therefore finds the previous file or the complete new one, also after a power cut: the bytes are on the
    disk before the name is. The suffix is kept, because many writers choose their format by it. After an error the
    temporary file is removed. The file gets the mode of the umask, also if the writer chose another one.

    Raises:
        InputError: the disk is full. Writers report that in many ways, so the free space is checked.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        with full_disk_named(path):
            yield temporary
            _set_usual_mode(temporary)
            replace_on_disk(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _set_usual_mode(path: Path) -> None:
    """Give a file, or every file in a folder, the mode of new files; safetensors makes files that only their owner can
    read."""
    probe = path.with_name(f"{path.name}.mode")
    probe.touch()  # os.umask() can only be read by changing it, for all threads
    mode = stat.S_IMODE(probe.stat().st_mode)
    probe.unlink()
    for file in (path, *path.rglob("*")):
        if file.is_file() and stat.S_IMODE(file.stat().st_mode) != mode:
            file.chmod(mode)


@contextmanager
def full_disk_named(path: Path) -> Iterator[None]:
    """Turn errors that a full disk causes into a message that names ``path``.

    Raises:
        InputError: the disk or the quota is full. Writers report that in many ways, so the free space is checked.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if full or shutil.disk_usage(path.parent).free < FULL:
            raise InputError(f"{path}: the disk is full; all complete files are intact") from error
        raise


def replace_on_disk(temporary: Path, path: Path) -> None:
    """Give a complete file or folder its final name, and return when content and name are on the disk.

    Without this, a power cut can leave an empty file under the final name.
    """
    for part in (*temporary.rglob("*"), temporary):
        if not part.is_symlink():
            _flush(part)
    temporary.replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        # Some network file systems do not support this for folders.
        if not path.is_dir() or error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(opened)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``; it replaces ``path`` after the block has succeeded.

    Its files get modes as in :func:`atomic_path`.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        _set_usual_mode(temporary)
        shutil.rmtree(path, ignore_errors=True)
        replace_on_disk(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def link_or_copy(file: str | Path, other: str | Path) -> None:
    """Give a file a second name by a hard link, which takes no space; a copy where the file system has no links."""
    try:
        os.link(file, other)
    except OSError:
        shutil.copyfile(file, other)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically; the order of the keys is kept."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_mapping(path: str | Path) -> dict[str, Any]:
    """Read a mapping from a JSON file that may be the user's.

    Raises:
        InputError: the file is no JSON, or holds something else.
    """
    try:
        found = read_json(path)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: should hold a mapping")
    return found


def write_csv(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table without its index, atomically."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_clip_table(path: str | Path | io.BytesIO, text: Iterable[str] = (), **options: Any) -> pd.DataFrame:
    """Read a CSV table; clip names, labels and groups remain text, such as ``007`` and ``NA``.

    Args:
        text: further columns that remain text.
    """
    import pandas as pd

    names = ("clip", "path", "label", "source_label", "predicted", "sha256", "samples", "digest")
    kinds = dict.fromkeys((*names, "group", "other_group", *text), str)
    return pd.read_csv(path, dtype=kinds, keep_default_na=False, na_values={}, **options)


def read_clip_tables(paths: Iterable[str | Path], **options: Any) -> Iterator[pd.DataFrame]:
    """The same of each of several files, as :func:`read_tables` reads them."""
    return read_tables(paths, partial(read_clip_table, **options))


def read_tables(paths: Iterable[str | Path], read: Callable[[io.BytesIO], pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Read CSV tables with ``read``; small ones are read together, in a fifth of the time."""
    for batch in _batches(paths):
        start = batch[0].find(b"\n") + 1
        rows = [content[start:] for content in batch]
        table = read(io.BytesIO(batch[0][:start] + b"".join(rows)))
        if len(batch) == 1:
            yield table
            continue
        end = 0
        for own in rows:
            first, end = end, end + own.count(b"\n")
            yield table.iloc[first:end].reset_index(drop=True)


def _batches(paths: Iterable[str | Path]) -> Iterator[list[bytes]]:
    """The contents of files; those with the same first line are together where each of their lines is a row."""
    batch: list[bytes] = []
    head = b""
    for path in paths:
        content = Path(path).read_bytes()
        plain = content.endswith(b"\n") and not any(mark in content for mark in (b'"', b"\r", b"\n\n"))
        first = content[: content.find(b"\n") + 1] if plain else b""
        if batch and (not plain or first != head or sum(map(len, batch)) > AT_ONCE):
            yield batch
            batch = []
        batch.append(content)
        head = first
    if batch:
        yield batch


def canonical_json(value: Any, sort_keys: bool = True) -> str:
    """A JSON value as text; keys are sorted, so that a mapping in another order gives the same text.

    ``<`` is escaped: Snakemake's report holds parameters of rules in a ``<script>``, which ``</script>`` would end.

    Args:
        sort_keys: False if the order of the keys matters, such as that of rows in a table.

    Raises:
        ValueError: a number is not finite.
    """
    text = json.dumps(value, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
