"""The section of the verdict: which model is best on each data set, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_table
from soundbench.core.text import spoken_list
from soundbench.data.audit import FINDING_COLUMNS
from soundbench.data.duplicates import divided_copies, read_findings
from soundbench.data.splits import fold_columns
from soundbench.evaluation import contamination
from soundbench.evaluation.baseline import Baseline, constant_baseline
from soundbench.evaluation.confounds import sentence
from soundbench.report.rendering import render
from soundbench.report.results import Results
from soundbench.report.sections.ledger import tuning_sentence
from soundbench.report.verdict import verdict
from soundbench.tasks.task import Task

# Sections with clips to hear, which only some tasks have.
SOUNDS = {"mistakes": "the mistakes", "labels": "misses and false alarms", "values": "the largest errors"}

# The sentences below the verdict on a data set, and where the page has more on them: the section, and a link's text.
REMARKS = {
    "tuning": ("ledger", "All trials."),
    "confounds": None,
    "contamination": ("contamination", "Scores without them."),
    "transductive": None,
    "untested": None,
}


def section(results: Results) -> str:
    """The verdict on each data set, below what makes the scores doubtful."""
    answers = dataset_answers(results)
    return render(
        "answer.html",
        answers=answers,
        remarks=REMARKS,
        gaps=list(gaps(results.table("scores"))),
        clean=not any(answer["copies"] or answer["contamination"] for answer in answers),
        models=len(results.models),
        seeds=len(results.seeds),
        sounds={title: name for name, title in SOUNDS.items() if results.datasets_with(name)},
    )


def dataset_answers(results: Results) -> list[dict[str, Any]]:
    """What is said of each data set: the verdict, copies on two sides of the split, warnings, untested classes."""
    board = results.table("leaderboard")
    pairs = results.table("comparisons")
    folds = results.table("scores").groupby("dataset")["fold"].nunique()
    answers = []
    for dataset, rows in board.groupby("dataset", sort=False):
        splits = results.split_tables.get(dataset, [])
        found = findings_of(results, dataset)
        copies = copies_on_two_sides(found, splits)
        own = pairs[pairs["dataset"] == dataset] if len(pairs) else pairs
        answers.append(
            {
                "dataset": dataset,
                "protocol": rows["protocol"].iloc[0],
                "verdict": verdict(
                    rows, own, baseline(results, dataset), int(folds[dataset]), results.metric_of(dataset)
                ),
                "copies": list(copies["text"]),
                "warnings": list(warnings(found.drop(index=copies.index))),
                "untested": untested(splits, results.tasks[dataset]),
                "confounds": confounds(results, dataset),
                "contamination": seen_before(results, dataset),
                "transductive": transductive_sentence(results),
                "tuning": tuning_sentence(results, dataset),
            }
        )
    return answers


def findings_of(results: Results, dataset: str) -> pd.DataFrame:
    """The audit's findings on a data set; none where there was no audit."""
    if dataset in results.audits:
        return read_findings(results.audits[dataset])
    return pd.DataFrame(columns=FINDING_COLUMNS)


def confounds(results: Results, dataset: str) -> str:
    """A sentence on properties of the recordings that predict the labels; empty if none does or none was measured."""
    return sentence(pd.read_csv(results.confounds[dataset])) if dataset in results.confounds else ""


def seen_before(results: Results, dataset: str) -> str:
    """A sentence on test clips that may have been in the training data of pretrained models; empty if none is known."""
    if "contamination" not in results.tables:
        return ""
    table = results.table("contamination")
    return contamination.sentence(table[table["dataset"] == dataset])


def transductive_sentence(results: Results) -> str:
    """What models with features that are normalised by group have read of the test clips; empty if there are none."""
    if not results.transductive:
        return ""
    verb = "is" if len(results.transductive) == 1 else "are"
    return (
        f"{spoken_list(results.transductive)} {verb} transductive: features are normalised with all clips of each "
        "group, such as a speaker, and so with unlabelled test clips. This cannot be done for a single new clip."
    )


def baseline(results: Results, dataset: str) -> Baseline | None:
    """The score of guessing on a data set; None where no run has finished."""
    predictions = results.of(dataset).predictions
    if not predictions:
        return None
    return constant_baseline(results.tasks[dataset], read_clip_table(predictions[0]), results.ranked_by(dataset))


def gaps(runs: pd.DataFrame) -> Iterator[str]:
    """The runs that were planned and have no scores."""
    missing = runs[runs["clips"].isna()].groupby(["dataset", "model"], sort=False)["seed"].unique()
    for (dataset, model), seeds in missing.items():
        planned = runs[(runs["dataset"] == dataset) & (runs["model"] == model)]["seed"].nunique()
        yield f"{model} on {dataset}: seed {', '.join(map(str, seeds))} missing ({len(seeds)} of {planned})"


def copies_on_two_sides(findings: pd.DataFrame, splits: list[pd.DataFrame]) -> pd.DataFrame:
    """The audit's findings on copies that the split of some seed divides; ``text`` is that of the first such seed."""
    found = pd.concat(
        [findings.iloc[:0].assign(text=""), *(divided_copies(table, fold_columns(table), findings) for table in splits)]
    )
    return found[~found.index.duplicated()]


def untested(splits: list[pd.DataFrame], task: type[Task]) -> str:
    """A sentence that names the classes without any test clip in the splits of a data set; empty if there are none."""
    labels = {label for table in splits for label in task.strata(table)}
    tested = {
        label for table in splits for label in task.strata(table[(table[fold_columns(table)] == "test").any(axis=1)])
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
            yield ": ".join(filter(None, (severity, check, first["clips"], first["detail"] + more)))
