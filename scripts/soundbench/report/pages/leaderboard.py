"""The page of the leaderboard: which model is best, by how much, with what significance, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.provenance import revision
from soundbench.core.storage import write_text
from soundbench.data.duplicates import divided_copies, read_findings
from soundbench.data.splits import fold_columns
from soundbench.report.rendering import percent, records, render
from soundbench.report.style import model_colours
from soundbench.tasks.registry import metric_title

SIGNIFICANCE = 0.05


def write_leaderboard_page(
    *,
    scores: str,
    leaderboard: str,
    spread: str,
    comparisons: str,
    costs: str,
    audits: list[str],
    splits: list[str],
    published: str,
    models: list[str],
    metric: str,
    arguments: str,
    path: str,
) -> None:
    """Write the leaderboard as a page: one verdict and one sortable table per data set and protocol.

    Args:
        audits: ``…/{dataset}.csv``, the findings on each data set.
        splits: ``…/{dataset}/seed{seed}.csv`` of every data set and seed.
        arguments: the arguments after ``snakemake --cores all`` that run this study; see
            :func:`soundbench.core.provenance.study_arguments`.
        published: a table of published scores, from :func:`soundbench.evaluation.leaderboard_text.published`.
    """
    tables: dict[str, list[pd.DataFrame]] = {}
    for name in splits:
        tables.setdefault(Path(name).parent.name, []).append(read_split(name))
    findings = {Path(name).stem: read_findings(name) for name in audits}
    divided = {name: copies_on_two_sides(found, tables.get(name, [])) for name, found in findings.items()}
    warned = {name: list(warnings(found.drop(index=divided[name].index))) for name, found in findings.items()}
    board = pd.read_csv(leaderboard).merge(pd.read_csv(costs), on=["dataset", "model", "protocol"])
    runs = pd.read_csv(scores)
    pairs = pd.read_csv(comparisons)
    others = pd.read_csv(published, keep_default_na=False)
    details = pd.read_csv(spread).pivot(index=["dataset", "model"], columns="metric", values="pooled")
    chosen = pd.read_csv(spread).query("metric == @metric")[
        ["dataset", "model", "seeds", "folds", "fold_deviation", "runs_missing"]
    ]
    board = board.merge(chosen, on=["dataset", "model"]).join(details, on=["dataset", "model"])
    for name in ("log_loss", "calibration_error", "top3"):
        board[name] = board.get(name, np.nan)
    sections = []
    for (dataset, protocol), part in board.groupby(["dataset", "protocol"], sort=False):
        mine = pairs[pairs["dataset"] == dataset] if len(pairs) else pairs
        sections.append(
            {
                "dataset": dataset,
                "protocol": protocol,
                "verdict": list(summary(part, mine)),
                "copies": list(divided[dataset]["text"]) if dataset in divided else [],
                "warnings": warned.get(dataset, []),
                "untested": untested(tables.get(dataset, [])),
                "rows": records(part),
                "top3": bool(part["top3"].notna().any()),  # reported for more than ten classes only
                "published": records(others[others["dataset"] == dataset]),
                "clips": int(runs[runs["dataset"] == dataset].groupby(["model", "seed"])["clips"].sum().max()),
            }
        )
    values = {
        "sections": sections,
        "metric": metric_title(metric),
        "seeds": sorted(runs["seed"].unique().tolist()),
        "gaps": list(gaps(runs)),
        "colours": model_colours(models),
        "revision": revision(),
        "arguments": arguments,
    }
    write_text(path, render("leaderboard.html", title="Which classifier wins?", **values))


def gaps(runs: pd.DataFrame) -> Iterator[str]:
    """The runs that were planned and have no scores."""
    missing = runs[runs["accuracy"].isna()].groupby(["dataset", "model"], sort=False)["seed"].unique()
    for (dataset, model), seeds in missing.items():
        planned = runs[(runs["dataset"] == dataset) & (runs["model"] == model)]["seed"].nunique()
        yield f"{model} on {dataset}: seed {', '.join(map(str, seeds))} missing ({len(seeds)} of {planned})"


def copies_on_two_sides(findings: pd.DataFrame, splits: list[pd.DataFrame]) -> pd.DataFrame:
    """The audit's findings on copies that the split of some seed divides; ``text`` is that of the first such seed."""
    found = pd.concat(
        [findings.iloc[:0].assign(text=""), *(divided_copies(table, fold_columns(table), findings) for table in splits)]
    )
    return found[~found.index.duplicated()]


def untested(splits: list[pd.DataFrame]) -> str:
    """A sentence that names the classes without any test clip in the splits of a data set; empty if there are none."""
    labels = {label for table in splits for label in table["label"]}
    tested = {
        label for table in splits for label in table.loc[(table[fold_columns(table)] == "test").any(axis=1), "label"]
    }
    if tested == labels:
        return ""
    missing = ", ".join(sorted(labels - tested))
    return (
        f"No clip tests {len(labels - tested)} of {len(labels)} classes; the scores are those of the others: {missing}."
    )


def warnings(findings: pd.DataFrame) -> Iterator[str]:
    """The audit's findings that may distort the scores, one sentence per kind of finding."""
    for severity in ("error", "warning"):
        for check, found in findings[findings["severity"] == severity].groupby("check", sort=False):
            first = found.iloc[0]
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            yield f"{severity}: {check}: {first['clips']}: {first['detail']}{more}"


def summary(board: pd.DataFrame, pairs: pd.DataFrame) -> Iterator[str]:
    """Sentences on the best model of one data set, its lead, and the significance of that lead."""
    scored = board.dropna(subset=["mean"]).sort_values("rank")
    if scored.empty:
        yield "No run has finished."
        return
    best = scored.iloc[0]
    level: list[str] = []
    behind: list[str] = []
    untested: list[str] = []
    for row in pairs[(pairs["model_a"] == best["model"]) | (pairs["model_b"] == best["model"])].itertuples():
        other, sign = (row.model_b, 1) if row.model_a == best["model"] else (row.model_a, -1)
        if pd.isna(row.p_holm):
            if other in set(scored["model"]):
                untested.append(other)
            continue
        limits = sorted((sign * row.interval_low, sign * row.interval_high))
        text = f"{other} ({100 * sign * row.difference:+.1f} points, {100 * limits[0]:+.1f} to {100 * limits[1]:+.1f})"
        (behind if row.p_holm < SIGNIFICANCE and sign * row.difference > 0 else level).append(text)
    if not (behind or level):
        means = [f"{row.model} {percent(row.mean)} %" for row in scored.itertuples()]
        yield f"Mean score: {_listed(means)}."
        if untested:
            yield "Which is better cannot be decided: both models must be tested on two common folds."
        return
    yield f"{best['model']} scores highest: {percent(best['mean'])} %."
    if behind:
        yield f"It is significantly better than {_listed(behind)}."
    if level:
        yield f"It is statistically indistinguishable from {_listed(level)}: that order does not show which is better."
    if untested:
        yield f"It was not compared with {_listed(untested)}: both models must be tested on two common folds."
    yield from _seeds_sentence(pairs)


def _seeds_sentence(pairs: pd.DataFrame) -> Iterator[str]:
    if pairs.empty or pairs["smallest_difference"].isna().all():
        return
    needed = pairs["seeds_for_one_point"].max()
    floor = pairs["smallest_difference"].max()
    if np.isfinite(needed):
        yield f"To see a difference of 1 point between any two of these models takes at least {needed:.0f} seeds."
    else:
        yield (
            "No number of seeds would show a difference of 1 point between every two of these models: with these "
            f"clips, differences of about {100 * floor:.1f} points and more can be seen. Smaller ones need more clips."
        )


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
