"""TensorBoard's events, written by a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from soundbench.core.storage import full_disk_named
from soundbench.training.progress import Row


@contextmanager
def event_writer(folder: Path) -> Iterator[SummaryWriter]:
    """Yield a writer of events in ``folder``.

    Raises:
        InputError: the disk is full.
    """
    before = threading.excepthook
    # An error of TensorBoard's thread is raised again in this one, which reports it without a traceback.
    threading.excepthook = lambda failed: None if isinstance(failed.exc_value, OSError) else before(failed)
    try:
        with full_disk_named(folder), SummaryWriter(str(folder)) as events:
            yield events
    finally:
        threading.excepthook = before


def record(events: SummaryWriter, row: Row) -> None:
    """Add a row of the history to TensorBoard's events."""
    for name, value in row.items():
        events.add_scalar(name, value, int(row["epoch"]))
