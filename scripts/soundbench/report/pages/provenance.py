"""The page of the configuration, versions and hardware behind the results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import yaml

from soundbench.core.provenance import AUDIO, host, revision, versions
from soundbench.core.storage import read_json, write_text
from soundbench.report.rendering import render

ORIGIN = ["dataset", "model", "code", "packages", "seconds"]


def write_provenance_page(config: dict[str, Any], scores: str, metrics: list[str], path: str) -> None:
    """Write the resolved configuration, versions, hardware, code and durations as a page."""
    runs = pd.read_csv(scores)
    trained = pd.DataFrame([_origin(read_json(name)) for name in metrics], columns=ORIGIN)
    done = runs.dropna(subset=["accuracy"])
    facts = {
        "workflow": {"revision": revision()},
        "trained": {
            "runs": f"{len(done)} of {len(runs)} (data sets × models × seeds × folds)",
            "seeds": ", ".join(map(str, sorted(runs["seed"].unique()))),
            "training time": f"{done['train_seconds'].sum():.0f} s",
            "devices": _listed(done["device"]),
        },
        "trained with": {
            name: _listed(found[name] for found in trained["packages"] if name in found)
            for name in dict.fromkeys(name for found in trained["packages"] for name in found)
        },
        "aggregated on": host(),
        "aggregated with": versions(AUDIO),
    }
    by_model = trained.groupby(["dataset", "model"], sort=False, as_index=False)
    models = by_model.agg({"seconds": "sum", "code": _listed}).to_dict("records")
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    page = render("provenance.html", title="Configuration and versions", facts=facts, models=models, config=text)
    write_text(path, page)


def _origin(run: dict[str, Any]) -> dict[str, Any]:
    return {name: run[name] for name in ORIGIN[:-1]} | {"seconds": sum(fold["train_seconds"] for fold in run["folds"])}


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))
