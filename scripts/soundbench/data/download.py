"""Downloads of recordings: each is complete and verified, or nothing is kept."""

from __future__ import annotations

import errno
import hashlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

import requests
from tqdm import tqdm

from soundbench.core.capacity import RESERVE, NoRoomError, check_room, free_bytes
from soundbench.core.errors import InputError
from soundbench.core.locks import try_lock
from soundbench.core.storage import read_json, replace_on_disk, write_json, write_text
from soundbench.data.archives import Verify, unpack

logger = logging.getLogger(__name__)

ATTEMPTS = 5
PAUSE = 2.0  # s before the second attempt; it doubles before each further one
TIMEOUT = (20, 60)  # s to connect, and without a byte
PROBE = (10, 20)  # s to connect, and to answer whether there is https
BUSY = 429  # with this status, or with 500 and above, the server may answer later
CHUNK = 1 << 18  # bytes
REPORT_EVERY = 10.0  # s between log lines if there is no terminal for a progress bar


def fetch_archive(url: str, checksum: str | None, target: Path, verify: Verify) -> str:
    """Download an archive and unpack it at ``target``, unless ``target`` already holds the complete data set.

    Without a checksum the first download is trusted: ``origin.json`` beside ``target`` keeps its digest, and a later
    download from the same address must have the same digest.

    Args:
        checksum: ``algorithm:hexadecimal digest`` of the archive, if it is known.
        verify: a function that raises :class:`InputError` if a folder does not hold the complete data set.

    Returns:
        The digest of the archive, in the form of ``checksum``.

    Raises:
        InputError: the archive cannot be fetched, has an unexpected digest, or is not the data set.
    """
    origin = target.with_name("origin.json")
    known = read_json(origin) if origin.exists() else {"url": None}
    if known["url"] != url:
        known = {"checksum": None}
    elif checksum in (None, known["checksum"]) and _passes(verify, target):
        logger.info("%s: is already here and complete", url)
        return str(known["checksum"])
    archive = target.with_name(f".{hashlib.sha256(url.encode()).hexdigest()[:16]}.zip")
    if not archive.exists():
        download(encrypted(url), archive)
    try:
        digest = _checked_digest(archive, url, checksum, known["checksum"], origin)
        unpack(archive, target, verify)
    except NoRoomError:
        raise  # the archive is correct and is kept for the next attempt
    except InputError as error:
        archive.unlink()
        heading = f"{url}: the downloaded archive is not the data set. It was removed; run again to fetch it again:"
        raise InputError(error.problems, heading) from error
    archive.unlink()
    write_json(origin, {"url": url, "checksum": digest})
    return digest


def _passes(verify: Verify, folder: Path) -> bool:
    try:
        verify(folder)
    except InputError:
        return False
    return True


def _checked_digest(archive: Path, url: str, expected: str | None, first: str | None, origin: Path) -> str:
    """The archive's digest, which must be ``expected`` or, without that, the digest of the ``first`` download."""
    digest = file_digest(archive, (expected or first or "sha256:").partition(":")[0])
    if expected and digest != expected:
        accept = f"if you trust this archive, write `checksum: {digest}` into the source"
        raise InputError(f"the archive has the digest {digest}, but `checksum` is {expected}; {accept}")
    if not expected and first and digest != first:
        accept = f"if you trust this one, write `checksum: {digest}` into the source"
        raise InputError(f"the archive has the digest {digest}, but the first one had {first} ({origin}); {accept}")
    if not expected:
        logger.warning(
            "%s: no digest of this archive is known, so its first download is trusted. Later ones must have the "
            "digest %s; write it as `checksum` into the source, so that other machines check it too",
            url,
            digest,
        )
    return digest


def file_digest(path: Path, algorithm: str) -> str:
    """``algorithm:hexadecimal digest`` of a file."""
    with open(path, "rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def encrypted(url: str) -> str:
    """The address with https instead of http, if the server supports it; without a change, but a warning, if not."""
    if not url.startswith("http:"):
        return url
    secure = url.replace("http:", "https:", 1)
    try:
        with requests.head(secure, timeout=PROBE, allow_redirects=True) as answer:
            page = answer.headers.get("Content-Type", "").startswith("text/html")
            if answer.ok and answer.url.startswith("https:") and not page:
                return secure
    except requests.RequestException:
        pass
    logger.warning("%s: the server has no https, so the download can be altered on its way", url)
    return url


def download(url: str, path: Path) -> None:
    """Download ``url`` to ``path``, which exists only once it is complete.

    After an interruption of the connection or of this process, the download resumes where it stopped if the server
    supports that and still has the same file; otherwise it starts again.

    Raises:
        InputError: the server refuses, the connection or the server failed :data:`ATTEMPTS` times, or the disk has no
            room for the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    taken = try_lock(part)
    if taken is None:
        raise InputError(f"{part}: another process is downloading this; wait for it or end it")
    with taken:
        _receive_all(url, part)
        replace_on_disk(part, path)
        part.with_suffix(".version").unlink(missing_ok=True)


def _receive_all(url: str, part: Path) -> None:
    """Append what is still missing to ``part``, in :data:`ATTEMPTS` attempts."""
    with open(part, "ab") as file:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _receive(url, file, part.with_suffix(".version"))
                return
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                logger.warning("%s: attempt %d of %d failed (%s)", url, attempt, ATTEMPTS, error)
                if attempt == ATTEMPTS:
                    why = str(error) if isinstance(error, ServerBusyError) else "the connection failed"
                    raise InputError(_cannot_fetch(url, f"{why}; run again to resume")) from error
                time.sleep(PAUSE * 2 ** (attempt - 1))
            except requests.RequestException as error:
                raise InputError(_cannot_fetch(url, str(error))) from error
            except OSError as error:
                raise NoRoomError(
                    f"{part}: cannot be written ({error}); the received part is kept, run again to resume"
                ) from error


class ServerBusyError(requests.ConnectionError):
    """The server cannot answer now; it may answer later."""


def _cannot_fetch(url: str, why: str) -> str:
    return f"{url}: cannot be fetched ({why}). If you have a copy, set sources.NAME.root in the configuration to it"


def _receive(url: str, file: IO[bytes], version: Path) -> None:
    """Append to ``file`` what it lacks of ``url``; ``version`` keeps which version of it the file began with."""
    headers = {"Accept-Encoding": "identity"}
    have = file.seek(0, 2)
    if have and version.exists():
        headers |= {"Range": f"bytes={have}-", "If-Range": version.read_text(encoding="utf-8")}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            file.truncate(0)
            raise requests.ConnectionError("the part that was received before does not fit the archive")
        if response.status_code == BUSY or response.status_code >= requests.codes.server_error:
            raise ServerBusyError(f"the server answered {response.status_code} {response.reason}")
        response.raise_for_status()
        if url.startswith("https:") and not response.url.startswith("https:"):
            raise requests.exceptions.InvalidURL(f"the server redirects from https to {response.url}")
        if response.status_code != requests.codes.partial_content:
            file.truncate(0)
            have = 0
            version.unlink(missing_ok=True)
            if mark := _strong_mark(response.headers):
                write_text(version, mark)
        left = response.headers.get("Content-Length")
        total = have + int(left) if left else None
        if total:
            check_room(url, total - have, file.name)
        for chunk in _with_progress(response.iter_content(CHUNK), Path(url).name, have, total):
            if free_bytes(file.name) < RESERVE + len(chunk):
                raise OSError(errno.ENOSPC, "the disk is nearly full")
            file.write(chunk)


def _strong_mark(headers: Mapping[str, str]) -> str | None:
    """The header that identifies this version of a file. A weak ETag does not, so ranges cannot be requested by it."""
    tag = headers.get("ETag", "W/")
    return headers.get("Last-Modified") if tag.startswith("W/") else tag


def _with_progress(chunks: Iterable[bytes], name: str, have: int, total: int | None) -> Iterator[bytes]:
    """Yield ``chunks`` and show the progress: as a bar on a terminal, otherwise as log lines."""
    reported = time.monotonic()
    with tqdm(total=total, initial=have, desc=name, unit="B", unit_scale=True, disable=None) as bar:
        for chunk in chunks:
            yield chunk
            bar.update(len(chunk))
            have += len(chunk)
            if bar.disable and time.monotonic() - reported >= REPORT_EVERY:
                reported = time.monotonic()
                logger.info("%s: %.0f of %s MB", name, have / 1e6, f"{total / 1e6:.0f}" if total else "unknown")
    logger.info("%s: %.1f MB are complete", name, have / 1e6)
