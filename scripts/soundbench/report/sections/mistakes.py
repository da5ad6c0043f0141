"""The section of mistakes: the clips that each model classifies wrongly, to see and hear."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_tables
from soundbench.evaluation.breakdowns import average_predictions, confusion_table, read_records
from soundbench.report.listening import CLIPS, clip_budget, clip_files, sounds, tested_runs
from soundbench.report.rendering import records, render
from soundbench.report.results import Results

KEYS = {"dataset": "Data set", "model": "Model"}
PAIRS = 10
PAIR_CLIPS = 3  # how many of the clips are examples of the most confused pairs


def section(results: Results) -> str:
    """The most confused pairs and the most confident errors of each model; the sound of a clip is there once."""
    runs = tested_runs(results, "mistakes")
    parts = [run_mistakes(results, dataset, model, min(CLIPS, clip_budget(runs))) for dataset, model in runs]
    shown = [clip for part in parts for clip in part["clips"]]
    return render("mistakes.html", parts=parts, keys=KEYS, large=results.large, **sounds(shown)) if parts else ""


def run_mistakes(results: Results, dataset: str, model: str, number: int) -> dict[str, Any]:
    """The mistakes of one model on a data set, with at most ``number`` clips."""
    own = results.of(dataset, model)
    pairs = confusion_table(read_records(own.metrics)).head(PAIRS)
    table = average_predictions(list(read_clip_tables(own.predictions)))
    chosen = clip_files(choose_mistakes(table, pairs, number).reset_index(), results.clips[dataset])
    return {
        "dataset": dataset,
        "model": model,
        "pairs": records(pairs),
        "clips": records(chosen),
        "errors": int((table["label"] != table["predicted"]).sum()),
        "tested": len(table),
        "seeds": len(own.predictions),
    }


def choose_mistakes(clips: pd.DataFrame, pairs: pd.DataFrame, number: int = CLIPS) -> pd.DataFrame:
    """The most confident errors and one of each of the most confused pairs, most confident first."""
    errors = clips[clips["label"] != clips["predicted"]].sort_values("probability", ascending=False, kind="stable")
    typical = [
        errors.index[(errors["label"] == pair.label) & (errors["predicted"] == pair.predicted)][:1]
        for pair in pairs.head(min(PAIR_CLIPS, number)).itertuples()
    ]
    typical = [clip for found in typical for clip in found]
    sure = [clip for clip in errors.index if clip not in typical][: number - len(typical)]
    return errors[errors.index.isin([*sure, *typical])]
