"""Self-contained HTML pages for the report: no network, no file beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from soundbench.plots import METRIC_NAMES
from soundbench.provenance import host, revision, versions
from soundbench.storage import write_text

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: Any) -> str:
    """Fill a template of ``templates/``; everything that is filled in is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template(template).render(**values)


def write_leaderboard_page(scores: str, leaderboard: str, metric: str, path: str) -> None:
    """Write the leaderboard as a page: a sortable table a data set and protocol."""
    cost = pd.read_csv(scores).groupby(["dataset", "model", "protocol"])
    board = pd.read_csv(leaderboard).join(
        cost.agg(
            seeds=("seed", "nunique"),
            folds=("fold", "nunique"),
            accuracy=("accuracy", "mean"),
            uar=("uar", "mean"),
            macro_f1=("macro_f1", "mean"),
            epochs=("epochs", "mean"),
            train_seconds=("train_seconds", "mean"),
            clips=("clips", "sum"),
            device=("device", "first"),
        ),
        on=["dataset", "model", "protocol"],
    )
    board["clips"] //= board["seeds"]
    tables = [(names, part.to_dict("records")) for names, part in board.groupby(["dataset", "protocol"], sort=False)]
    write_text(path, render("leaderboard.html", title="Leaderboard", tables=tables, metric=METRIC_NAMES[metric]))


def write_provenance_page(config: dict[str, Any], scores: str, path: str) -> None:
    """Write the resolved configuration, the versions and the hardware as a page."""
    runs = pd.read_csv(scores)
    facts = {
        "workflow": {"revision": revision()},
        "trained": {
            "runs": f"{len(runs)} (data sets × models × seeds × folds)",
            "training time": f"{runs['train_seconds'].sum():.0f} s",
            "devices": ", ".join(sorted(runs["device"].unique())),
        },
        "aggregated on": host(),
        "versions": versions(),
    }
    text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    write_text(path, render("provenance.html", title="Configuration and versions", facts=facts, config=text))
