"""Events for TensorBoard, which a separate thread writes."""

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
    previous_hook = threading.excepthook
    # TensorBoard raises the error of its thread again in this thread, which reports it without a traceback.
    threading.excepthook = lambda failed: None if isinstance(failed.exc_value, OSError) else previous_hook(failed)
    try:
        with full_disk_named(folder), SummaryWriter(str(folder)) as events:
            yield events
    finally:
        threading.excepthook = previous_hook


def record(events: SummaryWriter, row: Row) -> None:
    """Add one row of the history to the events."""
    for name, value in row.items():
        events.add_scalar(name, value, int(row["epoch"]))
