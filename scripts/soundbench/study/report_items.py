"""The items of Snakemake's report that a study has, and what they are made of.

The items are the entries of :mod:`soundbench.report.pages.registry`, :mod:`soundbench.report.figures.registry` and
:mod:`soundbench.report.figures.clip_registry`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from soundbench.core.storage import canonical_json
from soundbench.data.training_sizes import learning_curves, without_smaller
from soundbench.report.figures.clip_registry import CLIP_FIGURES
from soundbench.report.figures.registry import ALL, FIGURES
from soundbench.report.pages.registry import AUGMENTED, ITEMS, Item
from soundbench.study.augmentation import AugmentationInputs
from soundbench.study.paths import CLIP_FIGURES as CLIP_FIGURE_FOLDER
from soundbench.study.paths import CLIPS, CONFOUNDS, SPLIT, TABLE, fill
from soundbench.study.robustness import RobustnessInputs
from soundbench.study.runs import SelectedRuns
from soundbench.study.study import Entry, Study, Wildcards
from soundbench.study.transfer import TransferInputs

TABLES = (
    *("scores", "leaderboard", "spread", "published", "comparisons", "view_comparisons"),
    *("costs", "classes", "confusions", "groups", "ledger"),
)

# The patterns of the files in the folder of figures that are items of the report.
_NAME = "[^/]+"
REPORTED_FIGURES = [
    f"{{figure,{_NAME}}}.svg",
    f"{{dataset,{_NAME}}}/{{figure,{_NAME}}}.svg",
    f"{{dataset,{_NAME}}}/{{model,{_NAME}}}/{{figure,{_NAME}}}.svg",
]


def figure_labels(wildcards: Wildcards) -> dict[str, str]:
    """The columns of the report's table for a figure of the study."""
    columns = {"data set": "dataset", "model": "model"}
    shown = {column: getattr(wildcards, name, ALL) for column, name in columns.items()}
    return {"figure": FIGURES[wildcards.figure].title, **shown}


def clip_figure_labels(wildcards: Wildcards) -> dict[str, str]:
    """The columns of the report's table for a figure of clips."""
    return {"figure": CLIP_FIGURES[wildcards.figure].title, "data set": wildcards.dataset}


class ReportItems:
    """The items that a study has."""

    def __init__(
        self,
        study: Study,
        runs: SelectedRuns,
        augmentation: AugmentationInputs,
        robustness: RobustnessInputs,
        transfers: TransferInputs,
    ) -> None:
        self.study = study
        self.runs = runs
        self.augmentation = augmentation
        self.robustness = robustness
        self.transfers = transfers

    def tables(self, wildcards: Wildcards = None) -> list[str]:
        """An input function: the tables that figures and pages are made of."""
        robust = ["robustness"] if self.robustness.evaluated() else []
        moved = ["transfer"] if self.transfers.shown() else []
        seen = ["contamination"] if self.runs.contamination else []
        chosen = ["epochs"] if self.runs.networks else []
        return fill(TABLE, table=[*TABLES, *robust, *moved, *seen, *chosen])

    @property
    def _sources(self) -> dict[str, str]:
        return {name: self.study.source_of(name) for name in self.runs.datasets}

    def clip_tables(self, wildcards: Wildcards = None) -> list[str]:
        """An input function: the clip table of every source."""
        return fill(CLIPS, source=list(dict.fromkeys(self._sources.values())))

    @property
    def _views(self) -> dict[str, Entry]:
        return {name: self.study.settings["datasets"][name] for name in self.runs.datasets}

    @property
    def _curves(self) -> list[list[str]]:
        return learning_curves(self._views)

    def confounds(self, wildcards: Wildcards = None) -> list[str]:
        """An input function: the confounds of every data set, once for views with fewer of the same training clips."""
        return self.runs.finished(fill(CONFOUNDS, dataset=without_smaller(self._views)))

    def curve_splits(self, wildcards: Wildcards = None) -> list[str]:
        """An input function: the splits of the views that differ in the number of training clips only."""
        views = [name for curve in self._curves for name in curve]
        return self.runs.finished(fill(SPLIT, dataset=views, seed=self.runs.seeds))

    @property
    def study_json(self) -> str:
        """The description of the study in the report, in the order of the selection."""
        selected = {name: self.study.selected[name] for name in ("models", "seeds", "metric")}
        views = {name: self.study.settings["datasets"][name] for name in self.runs.datasets}
        facts: dict[str, Any] = {
            "datasets": {name: {key: view[key] for key in ("source", "task")} for name, view in views.items()},
            "curves": self._curves,
            "ablation": self.study.settings["report"]["ablation"],
        }
        return canonical_json(facts | selected, sort_keys=False)

    def files(self, wildcards: Wildcards = None) -> list[str]:
        """An input function: the files of all items."""
        return list(self._files())

    def _files(self) -> Iterator[str]:
        yield from map(self.study.resolve, fill(CLIP_FIGURE_FOLDER, dataset=self.runs.datasets))
        for item in ITEMS.values():
            for dataset in self.runs.datasets if "{dataset}" in item.path else [""]:
                if self._has(item, dataset):
                    # It is resolved here, because a workflow that uses this one as a module has other variables.
                    yield from map(self.study.resolve, fill(item.path, dataset=dataset))

    def _has(self, item: Item, dataset: str) -> bool:
        return not item.only or (item.only == AUGMENTED and bool(self.augmentation.variants(dataset)))
