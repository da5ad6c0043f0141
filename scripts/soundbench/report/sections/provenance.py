"""The section of provenance: the commands that make the study again, and what made it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import yaml

from soundbench.core.provenance import AUDIO, host, revision, versions
from soundbench.core.storage import read_json
from soundbench.core.text import sorted_list
from soundbench.report.rendering import render
from soundbench.report.results import Results

ORIGIN = ["dataset", "model", "code", "packages", "seconds"]


def section(results: Results) -> str:
    """The commands, the study's difference from the defaults, versions, hardware, code and durations."""
    trained = pd.DataFrame([_origin(read_json(name)) for name in results.metrics], columns=ORIGIN)
    by_model = trained.groupby(["dataset", "model"], sort=False, as_index=False)
    return render(
        "provenance.html",
        facts=facts(results.table("scores"), trained),
        models=by_model.agg({"seconds": "sum", "code": sorted_list}).to_dict("records"),
        revision=revision(),
        arguments=results.facts["arguments"],
        study=_yaml(results.facts["study"]),
        config=_yaml(results.facts["config"]),
    )


def facts(runs: pd.DataFrame, trained: pd.DataFrame) -> dict[str, dict[str, str]]:
    """What the tables of provenance hold."""
    done = runs.dropna(subset=["clips"])
    return {
        "trained": {
            "runs": f"{len(done)} of {len(runs)} (data sets × models × seeds × folds)",
            "seeds": ", ".join(map(str, sorted(runs["seed"].unique()))),
            "training time": f"{done['train_seconds'].sum():.0f} s",
            "devices": sorted_list(done["device"]),
        },
        "trained with": {
            name: sorted_list(found[name] for found in trained["packages"] if name in found)
            for name in dict.fromkeys(name for found in trained["packages"] for name in found)
        },
        "aggregated on": host(),
        "aggregated with": versions(AUDIO),
    }


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def _origin(run: dict[str, Any]) -> dict[str, Any]:
    return {name: run[name] for name in ORIGIN[:-1]} | {"seconds": sum(fold["train_seconds"] for fold in run["folds"])}
