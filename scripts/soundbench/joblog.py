"""What a job says: one log file a job, the same lines on the terminal, and readable errors."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soundbench.errors import InputError

logger = logging.getLogger("soundbench")


@contextmanager
def logged(path: str | Path) -> Iterator[None]:
    """Send everything logged in the block to ``path`` and standard error.

    An :class:`InputError` is shown without a traceback, since its text says what to mend; anything else keeps
    its traceback. Both end the process with exit code 1, which Snakemake reports with the log's name.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handlers = [logging.FileHandler(path, mode="w", encoding="utf-8"), logging.StreamHandler(sys.stderr)]
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").addHandler(handlers[0])
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
