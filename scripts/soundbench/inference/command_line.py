"""Predictions without Snakemake: one model folder, and some recordings."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from soundbench.core.errors import InputError

DESCRIPTION = """\
Predict the labels of recordings with a model that soundbench has trained.

The folder of a model holds model.safetensors and model.json. If the folder holds several folds or seeds, such as
results/runs/esc10/cnn/seed1, the probabilities of all of them are averaged. An ensemble has no such folder; the target
predict of the workflow takes it. Recordings longer than the input of the model are cut into overlapping windows, whose
probabilities are summarised. Standard output gets one row per recording, in the order of the arguments; start and end
are in seconds, from the beginning of the file or of the part of it that a list names."""

EPILOGUE = """\
examples:
  %(prog)s results/runs/esc10/cnn/seed1/fold1 dog.wav rain.flac
  %(prog)s results/runs/esc10/cnn ~/recordings --output predictions.csv
  %(prog)s results/runs/esc10/cnn/seed1 night.wav --windows --json

exit status:
  0  everything was predicted
  1  some recordings could not be read; standard error lists them, and the others are predicted
  2  nothing was predicted: the model or the arguments cannot be used"""


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 0.95:
        raise argparse.ArgumentTypeError(f"should be from 0 to 0.95, but is {text}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"should be 1 or more, but is {text}")
    return value


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    made = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "model", metavar="MODEL_DIR", help="folder of a trained model, or of several folds or seeds of it"
    )
    made.add_argument(
        "files",
        metavar="FILES",
        nargs="+",
        help="audio files; folders, with all audio files in them and below; or lists: CSV files with the column path, "
        "relative to the list, and optionally label, start and end (seconds)",
    )
    made.add_argument("--json", action="store_true", help="write a JSON list instead of CSV")
    made.add_argument("--windows", action="store_true", help="write one row per window, not one per recording")
    made.add_argument(
        "--top-k", type=_count, default=3, help="labels for each recording, most probable first (default 3)"
    )
    made.add_argument(
        "--overlap", type=_share, default=0.5, help="share of a window that the next one repeats (default 0.5)"
    )
    made.add_argument(
        "--summary",
        choices=("mean", "max"),
        default="mean",
        help="a recording's probabilities: the mean over its windows (default), or the highest of each label",
    )
    made.add_argument("--output", metavar="FILE", help="write to this file, completely or not at all (default: stdout)")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    made.add_argument("--threads", type=_count, default=cores, help=f"cores to use (default: all, {cores})")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = parser().parse_args(arguments)
    with contextlib.suppress(AttributeError, ValueError):  # not on Windows, not outside the main thread
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        with _opened(options.output) as file:
            return _predict(options, file)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


@contextlib.contextmanager
def _opened(output: str | None) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    from soundbench.core.storage import atomic_path

    with atomic_path(Path(output)) as temporary, temporary.open("w", encoding="utf-8") as file:
        yield file


def _predict(options: argparse.Namespace, file: IO[str]) -> int:
    """Predict and write; returns 1 if some recordings could not be read."""
    from soundbench.inference.recordings import find_recordings
    from soundbench.inference.tables import Row, SpreadsheetWriter, columns, rows, write_json
    from soundbench.models.saved import find_models, read_description

    # Problems of the model and of the recordings are reported before torch is imported, which takes seconds.
    folders = find_models(options.model)
    recordings = find_recordings(options.files, read_description(folders[0])["labels"])

    from tqdm import tqdm

    from soundbench.inference.classifier import Classifier, Options

    classifier = Classifier(folders)
    problems = []

    def predicted() -> Iterator[Row]:
        how = Options(options.overlap, options.summary, options.top_k, options.windows)
        found = classifier.predict([recording.path for recording in recordings], how, options.threads)
        bar = tqdm(found, total=len(recordings), unit="file", disable=None, leave=False)
        for recording, prediction in zip(recordings, bar, strict=True):
            yield from rows(recording, prediction, options.windows)
            if prediction.problem:
                problems.append(prediction.problem)
                tqdm.write(f"error: {prediction.problem}", file=sys.stderr)

    if options.json:
        write_json(file, predicted())
    else:
        SpreadsheetWriter(file, columns(options.top_k, classifier.task)).writerows(predicted())
    if problems:
        print(f"{len(problems)} of {len(recordings)} recordings could not be predicted", file=sys.stderr)
    return int(bool(problems))
