"""The items of Snakemake's report, in the order of a reader's questions.

A figure of the study is an entry of :mod:`soundbench.report.figures.registry`. Any other figure or page that one rule
makes is an entry here: its place in the report, the columns of the report's table and its part in ``rule all`` follow
from it; its caption is ``config/report/{caption}.rst``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from soundbench.core.storage import canonical_json
from soundbench.report.figures.registry import ALL, FIGURES
from soundbench.study.augmentation import AugmentationInputs
from soundbench.study.paths import CLIPS, METRICS, TABLE, fill
from soundbench.study.runs import SelectedRuns
from soundbench.study.study import Study, Wildcards
from soundbench.study.uses import RobustnessInputs, TransferInputs

START = "1 Start here"
COMPARE = "2 Compare"
FIGURES_OF_STUDY = COMPARE
MISTAKES = "3 Mistakes"
DATA = "4 Data"
PROVENANCE = "5 Provenance"
PREDICTIONS = "6 Predictions"

TABLES = (
    *("scores", "leaderboard", "spread", "published", "comparisons", "view_comparisons"),
    *("costs", "classes", "confusions", "groups"),
)

# The files in the folder of figures that are items of the report, by what their names say.
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


Shown = Callable[["ReportItems", str, str], bool]


def _with_runs(items: ReportItems, dataset: str, model: str) -> bool:
    datasets = [dataset] if dataset else items.runs.datasets
    models = [model] if model else items.runs.models
    return any(items.runs.files(METRICS, name, models) for name in datasets)


def _always(items: ReportItems, dataset: str, model: str) -> bool:
    return True


def _of_augmented_datasets(items: ReportItems, dataset: str, model: str) -> bool:
    return bool(items.augmentation.variants(dataset))


def _of_transfers(items: ReportItems, dataset: str, model: str) -> bool:
    return bool(items.transfers.shown())


def _of_predictions(items: ReportItems, dataset: str, model: str) -> bool:
    return False  # the target `predict` asks for them


@dataclass(frozen=True)
class Item:
    """A figure or a page: where it lies, and where the report shows it.

    Args:
        path: with a wildcard ``dataset`` or ``model`` where there is one a data set or model.
        caption: the name of its text in ``config/report``.
        title: what the report's table calls it.
        shown: whether a study has it, for a data set and a model (empty where the path names none).
    """

    path: str
    caption: str
    category: str
    title: str
    shown: Shown = _with_runs

    @property
    def labels(self) -> dict[str, str]:
        """The columns of the report's table."""
        if self.category == PREDICTIONS:
            return {"figure": self.title, "recordings": "{prediction}"}
        columns = {"data set": "dataset"} if self.category == DATA else {"data set": "dataset", "model": "model"}
        shown = {column: f"{{{name}}}" if f"{{{name}}}" in self.path else "all" for column, name in columns.items()}
        return {"figure": self.title, **shown}


ITEMS = {
    "leaderboard": Item("<results>/summary/leaderboard.html", "leaderboard", START, "leaderboard", _always),
    "comparison": Item("<results>/summary/comparison.html", "comparison", COMPARE, "models, pairs, classes", _always),
    "matrices": Item("<results>/summary/{dataset}/confusion.html", "matrices", COMPARE, "confusion, side by side"),
    "transfer": Item("<results>/summary/transfer.html", "transfer", COMPARE, "on other data sets", _of_transfers),
    "mistakes": Item("<results>/summary/{dataset}/{model}/mistakes.html", "mistakes", MISTAKES, "mistakes"),
    "audit": Item("<results>/audit/{dataset}.html", "audit", DATA, "audit", _always),
    "listen": Item("<results>/explore/{dataset}/listen.html", "listen", DATA, "one sample of each class", _always),
    "labels": Item("<results>/explore/{dataset}/labels.svg", "labels", DATA, "labels and lengths", _always),
    "waveforms": Item("<results>/explore/{dataset}/waveforms.svg", "waveforms", DATA, "waveforms", _always),
    "spectrograms": Item("<results>/explore/{dataset}/spectrograms.svg", "spectrograms", DATA, "spectrograms", _always),
    "spectra": Item("<results>/explore/{dataset}/spectra.svg", "spectra", DATA, "frequency spectra", _always),
    "variants": Item(
        "<results>/summary/{dataset}/variants.html", "variants", DATA, "augmented clips", _of_augmented_datasets
    ),
    "variant_spectrograms": Item(
        "<results>/summary/{dataset}/variants.svg",
        "variants",
        DATA,
        "spectrograms of augmented clips",
        _of_augmented_datasets,
    ),
    "provenance": Item(
        "<results>/summary/provenance.html", "provenance", PROVENANCE, "configuration and versions", _always
    ),
    "predictions": Item(
        "<results>/predictions/{prediction}/predictions.html",
        "predictions",
        PREDICTIONS,
        "predictions",
        _of_predictions,
    ),
}


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
        return fill(TABLE, table=[*TABLES, *robust, *moved])

    @property
    def _sources(self) -> dict[str, str]:
        return {name: self.study.source_of(name) for name in self.runs.datasets}

    def clip_tables(self, wildcards: Wildcards = None) -> list[str]:
        """An input function: the clip table of every source."""
        return fill(CLIPS, source=list(dict.fromkeys(self._sources.values())))

    @property
    def study_json(self) -> str:
        """What the report says of the study itself, in the order of the selection."""
        facts = {"datasets": self._sources, "models": self.runs.models, "metric": self.study.selected["metric"]}
        return canonical_json(facts, sort_keys=False)

    def files(self, wildcards: Wildcards = None) -> list[str]:
        """An input function: the files of all items."""
        return list(self._files())

    def _files(self) -> Iterator[str]:
        for item in ITEMS.values():
            for dataset in self.runs.datasets if "{dataset}" in item.path else [""]:
                for model in self.runs.models if "{model}" in item.path else [""]:
                    if item.shown(self, dataset, model):
                        # Resolved here: a workflow that uses this one as a module has other path variables.
                        yield from map(self.study.resolve, fill(item.path, dataset=dataset, model=model))
