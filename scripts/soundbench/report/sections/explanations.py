"""The section of explanations: a map of the test clips by their embeddings, on which clips can be played."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from soundbench.core.storage import read_clip_table
from soundbench.evaluation.explanations import FEWEST, Explanations, clip_map
from soundbench.report.media import LISTENING_RATE, audio_uri, read_for_listening
from soundbench.report.pages.explore import loudest_part
from soundbench.report.rendering import render
from soundbench.report.results import Results
from soundbench.report.style import PALETTE

SOUNDS = 120  # on the page, whose size they decide: 12 kB each
SECONDS = 1.5  # of each, the loudest ones
COLOURS = 6  # that stand out on a light and on a dark page


def section(results: Results) -> str:
    """One map per model and data set; the sound of a clip is there once."""
    parts = list(maps(results))
    files = chosen_sounds([point["path"] for point in part["points"]] for part in parts)
    numbers = {file: number for number, file in enumerate(files)}
    for part in parts:
        for point in part["points"]:
            point["sound"] = numbers.get(point.pop("path"))
    sounds = [excerpt(file) for file in files]
    shown = {"parts": parts, "sounds": sounds, "palette": PALETTE[:COLOURS], "large": results.large}
    return render("explanations.html", **shown) if parts else ""


def maps(results: Results) -> Iterator[dict[str, Any]]:
    """The map of the first fold of the first seed of each model on each data set whose clips have one label.

    In a large study it is that of the best models.
    """
    pairs = results.best().pairs
    for dataset in results.datasets_with("samples"):
        files = read_clip_table(results.clips[dataset]).set_index("clip")["path"]
        for model in (model for own, model in pairs if own == dataset):
            runs = results.of(dataset, model).explanations
            if not runs:
                continue
            first = min(runs, key=lambda file: int(Path(file).parent.name.removeprefix("seed")))
            found = Explanations.read(first)
            if len(found.clips) < FEWEST:
                continue
            table = read_clip_table(Path(first).with_name("predictions.csv")).set_index("clip").loc[found.clips]
            points = [
                {"clip": clip, "x": round(x, 3), "y": round(y, 3), "label": label, "predicted": predicted}
                | {"path": files[clip]}
                for clip, (x, y), label, predicted in zip(
                    found.clips, clip_map(found.embeddings).tolist(), table["label"], table["predicted"], strict=True
                )
            ]
            seed = Path(first).parent.name.removeprefix("seed")
            yield {"dataset": dataset, "model": model, "seed": seed, "points": points}


def chosen_sounds(files: Iterable[list[str]]) -> list[str]:
    """The files whose sound is on the page: at most :data:`SOUNDS`, of each map in turn."""
    turns = chain.from_iterable(zip_longest(*files))
    return [file for file in dict.fromkeys(turns) if file is not None][:SOUNDS]


def excerpt(file: str) -> str:
    """The loudest part of a clip as a data URI."""
    return audio_uri(loudest_part(read_for_listening(file), round(SECONDS * LISTENING_RATE)))
