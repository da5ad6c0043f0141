"""Finished studies without training: the files that runs leave, filled with simulated predictions."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from soundbench.core.storage import write_csv, write_json
from soundbench.data.audio import write_audio
from soundbench.data.trained_on import write_trained_on
from soundbench.evaluation.explanations import BANDS, SPANS, Explanations, choose_explained
from soundbench.report.results import Results
from soundbench.tasks.single_label import SingleLabel

RESOLUTION = {"sample_rate": 16000, "hop_length": 512, "resize": None, "duration": None}


@dataclass
class Study:
    """Runs of ``models`` (name: skill, in logits) on ``datasets`` data sets of ``classes`` × ``takes`` clips a fold.

    A group holds two clips of one class, or, with ``speakers``, one clip of every class. The clips of the last
    ``untested`` classes train in every fold.
    """

    root: Path
    models: dict[str, float] = field(default_factory=lambda: {"good": 3.0, "poor": 1.0})
    seeds: tuple[int, ...] = (1, 2)
    datasets: tuple[str, ...] = ("one",)
    classes: int = 4
    untested: int = 0
    takes: int = 4
    folds: int = 3
    speakers: bool = False
    audio: bool = False
    missing: frozenset[tuple[str, str, int]] = frozenset()
    ledger: list[dict[str, Any]] = field(default_factory=list)

    @property
    def labels(self) -> list[str]:
        return [f"class{number:02d}" for number in range(self.classes)]

    @property
    def plan(self) -> dict[str, Any]:
        views = {
            name: {"source": "recordings", "protocol": "literature", "folds": self.folds} for name in self.datasets
        }
        return {"datasets": views, "models": list(self.models), "transductive": [], "seeds": list(self.seeds)}

    def clips(self) -> pd.DataFrame:
        rows = []
        for fold in range(1, self.folds + 1):
            for label in self.labels:
                for take in range(self.takes):
                    group = f"{fold}-{take}" if self.speakers else f"{fold}-{label}-{take // 2}"
                    rows.append((f"{label}-{fold}-{take}", label, group, fold))
        return pd.DataFrame(rows, columns=["clip", "label", "group", "fold"])

    def runs(self) -> list[Path]:
        """The folders of the runs that are not missing, in the order of the plan."""
        names = [(d, m, s) for d in self.datasets for m in self.models for s in self.seeds]
        return [self.root / "runs" / d / m / f"seed{s}" for d, m, s in names if (d, m, s) not in self.missing]

    def files(self, name: str) -> list[str]:
        return [str(folder / name) for folder in self.runs()]

    def fold_files(self, name: str) -> list[str]:
        return [str(path) for folder in self.runs() for path in sorted(folder.glob(f"fold*/{name}"))]

    def splits(self) -> list[str]:
        return [str(self.root / "splits" / name / f"seed{self.seeds[0]}.csv") for name in self.datasets]

    def results(self, audits: Sequence[str] = ()) -> Results:
        """What the report's figures and sections read, once :func:`write_report` has written the tables."""
        files = {
            "tables": sorted(map(str, (self.root / "summary").glob("*.csv"))),
            "metrics": self.files("metrics.json"),
            "predictions": self.files("predictions.csv"),
            "explanations": self.files("explanations.npz"),
            "histories": self.fold_files("history.csv"),
            "clips": [str(self.root / "clips.csv")],
            "audits": list(audits),
            "splits": self.splits(),
            "figures": str(self.root / "summary" / "figures"),
        }
        facts = {
            "datasets": {name: {"source": "clips", "task": "single-label"} for name in self.datasets},
            "models": list(self.models),
            "seeds": list(self.seeds),
            "metric": "accuracy",
            "curves": [],
            "ablation": None,
        }
        study = {"benchmark": {"datasets": list(self.datasets), "models": list(self.models)}}
        found = Results.of_job(files, facts, {"arguments": "", "study": study, "config": study})
        return replace(found, sources={name: name for name in self.datasets})  # as if each had its own recordings

    def write(self) -> Study:
        """Write everything that a workflow run would have left for the tables, figures and pages."""
        clips = self.clips()
        tested = self._tested(clips)
        for dataset in self.datasets:
            split = clips[["clip", "label", "group"]].copy()
            for fold in range(1, self.folds + 1):
                split[f"fold{fold}"] = (tested & clips["fold"].eq(fold)).map({True: "test", False: "train"})
            for seed in self.seeds:
                write_csv(self.root / "splits" / dataset / f"seed{seed}.csv", split)
        self.write_runs()
        files = [str(self.root / f"{clip}.wav") for clip in clips["clip"]]
        write_csv(self.root / "clips.csv", clips.assign(path=files, seconds=0.5, sample_rate=16000))
        write_csv(self.root / "measures.csv", clips[["clip"]].assign(samples=clips["clip"]))
        if self.audio:
            for number, clip in enumerate(clips["clip"]):
                tone = 0.5 * np.sin(2 * np.pi * (200 + 20 * number) * np.arange(8000) / 16000)
                write_audio(self.root / f"{clip}.wav", tone, 16000)
        return self

    def write_runs(self) -> None:
        """Write the files of all runs, those of every fold as well: no job of the workflow is left to train a model."""
        clips = self.clips()
        tested = clips[self._tested(clips)].reset_index(drop=True)
        for folder in self.runs():
            self._write_run(folder, tested)

    def _tested(self, clips: pd.DataFrame) -> pd.Series:
        return clips["label"].isin(self.labels[: self.classes - self.untested])

    def _write_run(self, folder: Path, clips: pd.DataFrame) -> None:
        dataset, model, seed = folder.parts[-3], folder.parts[-2], int(folder.name[4:])
        for fold in range(1, self.folds + 1):  # before its predictions, which depend on them
            self._write_fold(folder / f"fold{fold}", {"dataset": dataset, "model": model, "seed": seed, "fold": fold})
        rng = np.random.default_rng([seed, list(self.models).index(model), self.datasets.index(dataset)])
        task = SingleLabel(self.labels)
        truth = clips["label"].map(self.labels.index).to_numpy()
        logits = rng.normal(size=(len(clips), self.classes))
        logits[np.arange(len(clips)), truth] += self.models[model]
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        table = clips[["clip", "fold", "label"]].assign(
            predicted=[self.labels[k] for k in probabilities.argmax(axis=1)]
        )
        table = pd.concat([table, pd.DataFrame(probabilities.round(6), columns=self.labels)], axis=1)
        write_csv(folder / "predictions.csv", table)
        self._write_explanations(folder, table)
        cost = {"epochs": 3, "train_seconds": 2.0, "cpu_seconds": 2.5, "megabytes": 500.0, "device": "cpu (test)"}
        parts = [(fold, part) for fold, part in table.groupby("fold")]
        names = {"dataset": dataset, "model": model, "protocol": "literature", "seed": seed, "labels": self.labels}
        run = names | {
            "parameters": 1000,
            "code": "0" * 16,
            "packages": {"torch": "0"},
            "model_bytes": 4000,
            "predict_seconds": 0.5,
            "predict_megabytes": 400.0,
        }
        folds = [{"fold": fold, **task.scores(part), "clips": len(part), **cost} for fold, part in parts]
        groups = clips.set_index("clip")["group"]
        scored = {"scores": task.scores(table), **task.details(table, groups)}
        write_json(folder / "metrics.json", run | {"folds": folds} | scored)

    def _write_fold(self, folder: Path, names: dict[str, Any]) -> None:
        """A history, and a network of one layer with its description."""
        history = {"epoch": range(1, 4), "train_loss": [2.0, 1.0, 0.5], "val_loss": [2.0, 1.5, 1.2]}
        history |= {"train_accuracy": [0.4, 0.6, 0.9], "val_accuracy": [0.3, 0.5, 0.6]}
        write_csv(folder / "history.csv", pd.DataFrame(history))
        save_file({"weight": np.zeros((self.classes, 1), np.float32)}, folder / "model.safetensors")
        recipe = {"family": "linear", "training": {"epochs": 3}}
        description = {"task": SingleLabel.name, "recipe": recipe, "kept_epoch": 3, "epochs": 3}
        description["trained_on"] = write_trained_on(folder, ["0" * 16])
        write_json(folder / "model.json", names | description)

    def _write_explanations(self, folder: Path, table: pd.DataFrame) -> None:
        first = table[table["fold"] == 1].reset_index(drop=True)
        chosen = choose_explained(first, self.labels)
        rng = np.random.default_rng(len(first))
        Explanations(
            clips=first["clip"].to_numpy().astype(str),
            embeddings=rng.normal(size=(len(first), 8)) + 3 * first["label"].map(self.labels.index).to_numpy()[:, None],
            explained=first["clip"].to_numpy()[chosen].astype(str),
            features=rng.normal(-40, 10, (len(chosen), 64, 16)),
            drops=rng.normal(0, 0.1, (len(chosen), BANDS, SPANS)),
            front_end=np.array(json.dumps({"front_end": "logmel", "n_mels": 64, "fmin": 0, "fmax": None} | RESOLUTION)),
        ).write(folder / "explanations.npz")


def table_steps(study: Study, metric: str = "accuracy") -> dict[str, Callable[[], None]]:
    """The jobs that write the tables of a study, as the rules do, by the name of the rule without ``aggregate_``."""
    from soundbench.evaluation.breakdowns import aggregate_costs, aggregate_details
    from soundbench.evaluation.comparisons import aggregate_comparisons
    from soundbench.evaluation.summary import Inputs, Outputs, aggregate_scores
    from soundbench.evaluation.views import aggregate_view_comparisons

    to = study.root / "summary"
    csv = {path: str(to / f"{path}.csv") for path in TABLES}
    metrics, predictions = study.files("metrics.json"), study.files("predictions.csv")
    outputs = Outputs(
        csv["scores"],
        csv["leaderboard"],
        csv["spread"],
        markdown=str(to / "leaderboard.md"),
        latex=str(to / "leaderboard.tex"),
        beside=csv["published"],
    )
    inputs = Inputs(metrics, predictions, study.splits())
    compared = (predictions, study.splits(), study.plan, metric, 0.01)
    return {
        "scores": partial(aggregate_scores, inputs, study.plan, metric, published(), outputs),
        "comparisons": partial(aggregate_comparisons, *compared, csv["comparisons"]),
        "view_comparisons": partial(aggregate_view_comparisons, *compared, csv["view_comparisons"]),
        "details": partial(aggregate_details, metrics, csv["classes"], csv["confusions"], csv["groups"]),
        "costs": partial(aggregate_costs, metrics, study.plan, csv["costs"]),
    }


def write_report(
    study: Study, metric: str = "accuracy", pages: bool = True, audits: Sequence[str] = (), figures: bool = False
) -> Path:
    """Write every table and the page of a study, and its figures if asked, as the rules do; returns their folder."""
    from soundbench.evaluation.ledger import LEDGER_COLUMNS

    to = study.root / "summary"
    for write_table in table_steps(study, metric).values():
        write_table()
    write_csv(to / "ledger.csv", pd.DataFrame(study.ledger, columns=LEDGER_COLUMNS))
    if figures:
        write_figures(study)
    if pages:
        write_pages(study, audits)
    return to


def write_figures(study: Study) -> None:
    """Draw the figures of a study whose tables are written."""
    from soundbench.report.figures.draw import draw_figures

    draw_figures(study.results(), study.root / "summary" / "figures")


def write_pages(study: Study, audits: Sequence[str] = ()) -> None:
    """Write the page of a study whose tables are written, and what comes with it."""
    from soundbench.report.page import write_report as write_page

    to = study.root / "summary"
    page = {"page": str(to / "report.html"), "landing": str(to / "report.rst"), "study": str(to / "study.yaml")}
    write_page(study.results(audits), **page)


TABLES = (
    *("scores", "leaderboard", "spread", "comparisons", "view_comparisons"),
    *("classes", "confusions", "groups", "costs", "published", "ledger"),
)


def published() -> list[dict[str, Any]]:
    """References for the data set ``one``: of any clips, and of more than a study has."""
    names: dict[str, Any] = {"label": "listeners", "kind": "human", "source": "a book"}
    names |= {"datasets": ["one"], "metric": "accuracy", "epoch": "test", "replicated": False}
    return [names | {"comparable": {}, "percent": 81.3}, names | {"comparable": {"clips": 9999}, "percent": 99.9}]
