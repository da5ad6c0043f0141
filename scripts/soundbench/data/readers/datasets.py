"""A data set of Hugging Face on disk: Parquet or Arrow files that hold sounds, labels and more in columns.

It is a folder that ``save_to_disk`` of the package datasets wrote (Arrow files), or a copy of a repository of the Hub
(Parquet files): https://huggingface.co/docs/hub/datasets-audio. Only pyarrow is needed to read it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import soundfile

from soundbench.core.errors import InputError
from soundbench.core.storage import atomic_folder, write_csv
from soundbench.data.columns import PART_OF
from soundbench.data.files import AUDIO_SUFFIXES, clip_ids, shards
from soundbench.data.readers import csv

NEEDS = ("pyarrow",)
SETTINGS = {
    "root": {
        "description": (
            "The folder with the Parquet or Arrow files, in it or below it. Its sounds are written as audio files into "
            "the folder of the source below `<resources>`. Files with `train`, `validation` or `test` in their path "
            "give their clips that `part`. Nothing is fetched. The reader needs the package pyarrow."
        ),
        "type": ["string", "null"],
        "minLength": 1,
        "default": None,
    },
    "audio": {"description": "The column of the sounds: encoded files.", "type": "string", "default": "audio"},
    "label": {
        "description": "The column of the labels: names, or classes with names.",
        "type": "string",
        "default": "label",
    },
    "group": {
        "description": "The column of what must not be split, such as a speaker. null: each clip is a group.",
        "type": ["string", "null"],
        "default": None,
    },
    "fold": {
        "description": "The column of the folds (1, 2, …), if there is one.",
        "type": ["string", "null"],
        "default": None,
    },
}
TABLE = "clips.csv"
ROWS = 64  # rows that are in memory at the same time
FORMATS = {"WAVEX": ".wav", "MP3": ".mp3", "MPEG": ".mp3"}  # libsndfile's names, where they are no suffixes

Row = dict[str, Any]


def read(root: Path, **_: Any) -> pd.DataFrame:
    """The clips that :func:`unpack` wrote into ``root``."""
    return csv.read(root / TABLE)


def unpack(
    root: Path,
    target: Path,
    *,
    audio: str = "audio",
    label: str = "label",
    group: str | None = None,
    fold: str | None = None,
) -> None:
    """Write the sounds of a data set as audio files, and a table of them, into the folder ``target``.

    Raises:
        InputError: pyarrow is not installed, there are no files, columns are missing, or rows lack a sound or a label;
            all of them are named, and nothing is written.
    """
    files = shards(root)
    if not files:
        raise InputError(f"{root}: holds no .parquet and no .arrow file; is it a data set of Hugging Face?")
    columns = {key: name for key, name in (("label", label), ("group", group), ("fold", fold)) if name}
    parts = [part_of_path(file.relative_to(root)) for file in files]
    problems: list[str] = []
    table: list[Row] = []
    with atomic_folder(target) as folder:
        for file, part in zip(files, parts, strict=True):
            shard = file.relative_to(root).with_suffix("").as_posix()
            (folder / shard).mkdir(parents=True)
            for number, row in enumerate(_rows(file, [audio, *columns.values()]), start=1):
                sound, name = _sound(row[audio])
                if missing := [column for column in columns.values() if row[column] in (None, "")]:
                    problems.append(f"{file}, row {number}: {' and '.join(missing)} is missing")
                if not sound:
                    problems.append(f"{file}, row {number}: {audio} holds no encoded sound")
                elif not problems:
                    path = f"{shard}/{_file_name(number, name, sound)}"
                    (folder / path).write_bytes(sound)
                    found = {key: row[column] for key, column in columns.items()}
                    table.append({"path": path, **found, "part": part or "train"})
        if problems:
            raise InputError(problems, f"{root}: rows that cannot be used:")
        write_csv(folder / TABLE, pd.DataFrame(table).drop(columns=[] if any(parts) else ["part"]))


def part_of_path(path: Path) -> str | None:
    """The part that is a word of a path, such as ``data/train-00000-of-00002.parquet``; the last one counts."""
    words = re.split(r"[^a-z]+", path.as_posix().lower())
    return next((PART_OF[word] for word in reversed(words) if word in PART_OF), None)


def _rows(file: Path, columns: list[str]) -> Iterator[Row]:
    """The rows of a file, with these columns only; classes have their names."""
    try:
        import pyarrow
        from pyarrow import ipc, parquet
    except ImportError as error:
        raise InputError("The reader datasets needs the package pyarrow: pip install pyarrow") from error
    try:
        with pyarrow.memory_map(str(file)) as source:
            if file.suffix == ".parquet":
                whole = parquet.ParquetFile(source)
                schema = whole.schema_arrow
                batches = whole.iter_batches(ROWS, columns=columns)
            else:
                whole = ipc.open_stream(source)
                schema = whole.schema
                batches = whole
            if missing := [name for name in columns if name not in schema.names]:
                raise InputError(f"{file}: has no column {' and '.join(missing)}, but {', '.join(schema.names)}")
            classes = _classes(schema.metadata or {})
            for batch in batches:
                for row in batch.select(columns).to_pylist():
                    yield {name: _named(value, classes.get(name)) for name, value in row.items()}
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{file}: cannot be read ({error})") from error


def _classes(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """The names of the classes of each column that has them, which the package datasets keeps in the schema."""
    features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    return {
        name: feature["names"] for name, feature in features.items() if isinstance(feature, dict) and "names" in feature
    }


def _named(value: Any, names: list[str] | None) -> Any:
    """The name of a class; -1 means no class."""
    if names is None or not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None


def _sound(value: Any) -> tuple[bytes | None, str]:
    """The bytes of an encoded sound, and the name of its file, as far as they are there."""
    if isinstance(value, dict):
        return value.get("bytes"), value.get("path") or ""
    return (value, "") if isinstance(value, bytes) else (None, "")


def _file_name(number: int, name: str, sound: bytes) -> str:
    """The name of a clip's file; the number keeps it apart from others of the same name."""
    stem = clip_ids([Path(name).name])[0] if Path(name).stem else "clip"
    suffix = Path(name).suffix.lower()
    return f"{number:06d}-{stem}{suffix if suffix in AUDIO_SUFFIXES else _suffix(sound)}"


def _suffix(sound: bytes) -> str:
    """The suffix for the format of an encoded sound; .wav if it is not a sound, which is reported when it is read."""
    try:
        found = soundfile.info(io.BytesIO(sound)).format
    except soundfile.LibsndfileError:
        return ".wav"
    return FORMATS.get(found, f".{found.lower()}")
