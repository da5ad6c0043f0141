"""The library of the repository, with changes, as the workflow reads it."""

from __future__ import annotations

import pickle
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.workflow import REPOSITORY
from soundbench.config.check import read_configuration
from soundbench.core.schema import with_defaults
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.audit import FINDING_COLUMNS
from soundbench.data.index import IndexFiles, index_clips
from soundbench.models import description
from soundbench.models.schema import load_schema
from soundbench.training.settings import TrainingSettings


def configuration(**changes: Any) -> dict[str, Any]:
    """The checked configuration of ``config/*.yaml`` with an overlay, every default filled in.

    Each caller gets a copy of its own; a configuration that was read before is not checked again.
    """
    found: dict[str, Any] = pickle.loads(_pickled_configuration(pickle.dumps(changes)))
    return found


@cache
def _pickled_configuration(changes: bytes) -> bytes:
    return pickle.dumps(read_configuration(REPOSITORY / "config", pickle.loads(changes)))


def forget_schemas() -> None:
    """Make schemas and configurations anew when they are next read, since something was registered or removed."""
    for cached in (load_schema, description._schema, _pickled_configuration):
        cached.cache_clear()


def front_end(name: str = "own", **settings: Any) -> dict[str, Any]:
    """A front-end of the library, or ``own`` with these settings, every default filled in."""
    changes = {"features": {name: settings}} if settings else {}
    entry: dict[str, Any] = configuration(**changes)["features"][name]
    return entry


def training(**settings: Any) -> TrainingSettings:
    """A recipe's ``training`` with these settings, every default filled in."""
    complete: TrainingSettings = with_defaults(load_schema(), load_schema()["$defs"]["training"], settings)
    return complete


def no_findings(path: Path) -> Path:
    """Write the findings of an audit that found nothing."""
    write_csv(path, pd.DataFrame(columns=FINDING_COLUMNS))
    return path


def index(source: dict[str, Any], root: Path, table: Path) -> pd.DataFrame:
    """Index a source as the workflow does, and read its clip table; what the audit measures lies beside it."""
    measured: dict[str, Any] = {"measures": table.with_suffix(".measures"), "landmarks": table.with_suffix(".npz")}
    measured["notes"] = table.with_suffix(".json")
    index_clips(source, root, "fail", 1, IndexFiles(clips=table, **measured))
    return read_clip_table(table)
