"""Recordings from the network, or from an archive that the user has: whole and verified, or not there at all."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import shutil
import stat
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any

import requests
from tqdm import tqdm

from soundbench.errors import InputError
from soundbench.storage import read_json, replace_on_disk, write_json, write_text

logger = logging.getLogger(__name__)

ATTEMPTS = 5
PAUSE = 2.0  # s before a second attempt; longer before each further one
TIMEOUT = (20, 60)  # s to connect, and without a byte
CHUNK = 1 << 18  # bytes
REPORT_EVERY = 10.0  # s between log lines, where there is no terminal to draw a bar on

Verify = Callable[[Path], None]


def fetch_archive(url: str, checksum: str | None, target: Path, verify: Verify) -> None:
    """Download an archive, unless what it holds is here already, and unpack it at ``target``.

    A checksum that differs is reported and no more: archives that GitHub packs on the fly change while their
    content does not. What counts is that ``verify`` accepts the content.

    Args:
        checksum: ``algorithm:hexadecimal digest`` of the archive, if one is known.
        verify: raises :class:`InputError` where a folder does not hold the complete data set.
    """
    origin = target.with_name("origin.json")
    if origin.exists() and read_json(origin)["url"] == url and _passes(verify, target):
        logger.info("%s: already here, complete", url)
        return
    archive = target.with_name(f".{hashlib.sha256(url.encode()).hexdigest()[:16]}.zip")
    if not archive.exists():
        download(url, archive)
    digest = _compare_checksum(archive, checksum, url)
    try:
        unpack(archive, target, verify)
    except InputError as error:
        archive.unlink()
        heading = f"{url}: what arrived is not the data set. It was removed; run again to fetch it anew:"
        raise InputError(error.problems, heading) from error
    archive.unlink()
    write_json(origin, {"url": url, "checksum": digest})


def _passes(verify: Verify, folder: Path) -> bool:
    try:
        verify(folder)
    except InputError:
        return False
    return True


def _compare_checksum(archive: Path, expected: str | None, url: str) -> str:
    algorithm = expected.partition(":")[0] if expected else "sha256"
    with open(archive, "rb") as file:
        digest = f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
    if expected and digest != expected:
        logger.warning("%s: the archive is %s, not %s as recorded; its content decides", url, digest, expected)
    return digest


def download(url: str, path: Path) -> None:
    """Download ``url`` to ``path``, which exists only once it is complete.

    After an interruption, of the connection or of this process, the download goes on where it stopped if the
    server can do that and still has the same file; else it starts again.

    Raises:
        InputError: the server refuses, or the connection failed :data:`ATTEMPTS` times.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with open(part, "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{part}: another process is downloading this; wait for it or end it") from None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _receive(url, file, part.with_suffix(".version"))
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                logger.warning("%s: attempt %d of %d failed (%s)", url, attempt, ATTEMPTS, error)
                if attempt == ATTEMPTS:
                    raise InputError(_no_way(url, "the connection failed; run again to go on")) from error
                time.sleep(PAUSE * 2 ** (attempt - 1))
            except requests.RequestException as error:
                raise InputError(_no_way(url, str(error))) from error
    replace_on_disk(part, path)
    part.with_suffix(".version").unlink(missing_ok=True)


def _no_way(url: str, why: str) -> str:
    return f"{url}: cannot be fetched ({why}). Or name a copy that you have: sources.NAME.root in the configuration"


def _receive(url: str, file: IO[bytes], version: Path) -> None:
    """Append to ``file`` what it lacks of ``url``; ``version`` keeps which version of it the file began with."""
    headers, have = {"Accept-Encoding": "identity"}, file.seek(0, 2)
    if have and version.exists():
        headers |= {"Range": f"bytes={have}-", "If-Range": version.read_text(encoding="utf-8")}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            file.truncate(0)
            raise requests.ConnectionError("the part that is here does not fit")
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            file.truncate(0)
            have = 0
            version.unlink(missing_ok=True)
            if mark := _strong_mark(response.headers):
                write_text(version, mark)
        left = response.headers.get("Content-Length")
        total = have + int(left) if left else None
        for chunk in _with_progress(response.iter_content(CHUNK), Path(url).name, have, total):
            file.write(chunk)


def _strong_mark(headers: Any) -> str | None:
    """What names this very version of a file; a weak ETag does not, and ranges must not be asked for by one."""
    tag = headers.get("ETag", "W/")
    return headers.get("Last-Modified") if tag.startswith("W/") else tag


def _with_progress(chunks: Iterable[bytes], name: str, have: int, total: int | None) -> Iterator[bytes]:
    """Pass ``chunks`` on: with a bar on a terminal, else with a log line now and then."""
    spoken = time.monotonic()
    with tqdm(total=total, initial=have, desc=name, unit="B", unit_scale=True, disable=None) as bar:
        for chunk in chunks:
            yield chunk
            bar.update(len(chunk))
            have += len(chunk)
            if bar.disable and time.monotonic() - spoken >= REPORT_EVERY:
                spoken = time.monotonic()
                logger.info("%s: %.0f of %s MB", name, have / 1e6, f"{total / 1e6:.0f}" if total else "unknown")
    logger.info("%s: %.1f MB are here", name, have / 1e6)


def unpack(archive: Path, target: Path, verify: Verify | None = None) -> None:
    """Unpack a zip archive as the folder ``target``, replacing it: all of it or nothing.

    Raises:
        InputError: the archive is damaged, holds something unsafe, or ``verify`` refuses what it holds.
    """
    temporary = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as file:
            if problems := list(unsafe_members(file.infolist())):
                raise InputError(problems, f"{archive}: nothing was unpacked, as some of it is unsafe:")
            file.extractall(temporary)
        if verify:
            verify(temporary)
        shutil.rmtree(target, ignore_errors=True)
        replace_on_disk(temporary, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise InputError(f"{archive}: is damaged, or no zip archive ({error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def unsafe_members(members: Iterable[zipfile.ZipInfo]) -> Iterator[str]:
    """Members that would be written outside the target, twice, or as anything but a file or a folder."""
    seen: set[str] = set()
    for member in members:
        name = member.filename
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if ".." in parts or parts[:1] == ("/",) or PureWindowsPath(name).drive:
            yield f"{name}: leads out of the folder"
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield f"{name}: is a link or another special file"
        if member.flag_bits & 1:
            yield f"{name}: is encrypted"
        if name in seen:
            yield f"{name}: stands twice in the archive"
        seen.add(name)
