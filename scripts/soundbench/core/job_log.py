"""The log of a job: all messages in one file per job, warnings and errors also on the terminal."""

from __future__ import annotations

import gc
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from soundbench.core.errors import InputError

logger = logging.getLogger("soundbench")

# A job imports several hundred thousand objects, which live until its end. To look through them for garbage, again and
# again while they are imported and once more at the end, takes 1.5 of 4.3 s of CPU time with torch and timm.
THRESHOLDS = (50_000, 20, 50)
IS_JOB = hasattr(sys.modules["__main__"], "snakemake")
if IS_JOB:
    gc.disable()  # until the block of `logged` begins
    gc.set_threshold(*THRESHOLDS)


class LogFile(logging.FileHandler):
    """A log file. If it cannot be written, the log ends with a warning on standard error, and the job continues."""

    def handleError(self, _: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Warn once and write no further lines."""
        self.setLevel(logging.CRITICAL + 1)
        print(f"warning: {self.baseFilename}: the log ends here ({sys.exc_info()[1]})", file=sys.stderr)

    def close(self) -> None:
        """Close the file; lines that could not be written are lost."""
        with suppress(OSError):
            super().close()


class Terminal(logging.StreamHandler):  # type: ignore[type-arg]
    """Warnings and errors on standard error, and once a minute the last line of other messages.

    A study has many jobs, each with a line per epoch: only a long job shows how far it is.
    """

    def __init__(self, pause: float = 60.0) -> None:
        super().__init__(sys.stderr)
        self.pause = pause  # seconds
        self.shown = time.monotonic()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether ``record`` is shown."""
        now = time.monotonic()
        if record.levelno < logging.WARNING and now - self.shown < self.pause:
            return False
        self.shown = now
        return bool(super().filter(record))


def _opened(path: Path) -> LogFile:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return LogFile(path, mode="w", encoding="utf-8")
    except OSError as error:
        sys.exit(f"error: {path}: the log cannot be opened ({error.strerror})")


@contextmanager
def logged(path: str | Path) -> Iterator[None]:
    """Write the log messages of the block to ``path``, and those that :class:`Terminal` shows to standard error.

    An :class:`InputError` is shown without a traceback, because its text says what to correct; other errors keep their
    tracebacks. Both end the process with exit code 1, which Snakemake reports with the name of the log.
    """
    handlers: list[logging.Handler] = [_opened(Path(path)), Terminal()]
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(handlers[0])
    if IS_JOB:
        gc.freeze()  # all that has been imported
        gc.enable()
    try:
        yield
    except InputError as error:
        logger.error("error: %s", error)
        sys.exit(1)
    except Exception:
        logger.exception("This job failed:")
        sys.exit(1)
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        if IS_JOB:
            gc.freeze()
