"""The pages of Snakemake's report, and figures that are made with them: one entry each.

Its place in the report, its caption, the columns of the report's table and its part in ``rule all`` follow from the
entry. A module of ``report/pages`` writes the page, and a rule with the output ``item(NAME)`` says what it reads.
Figures of the study and of clips have registries of their own in ``report/figures``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REPORT = "1 Report"
FIGURES_OF_STUDY = "2 Figures"
RECORDINGS = "3 Recordings"
PREDICTIONS = "4 Predictions"

AUGMENTED = "data sets with augmented copies"
REQUESTED = "what a target of its own requests"


@dataclass(frozen=True)
class Item:
    """A page of the report, or a figure.

    Attributes:
        path: the file, with the wildcard ``dataset`` if there is one per data set.
        category: its place in the report.
        title: its name in the report's table.
        caption: what it shows; ``{dataset}`` and other wildcards are replaced.
        only: :data:`AUGMENTED` or :data:`REQUESTED`, if not every study has it.
    """

    path: str
    category: str
    title: str
    caption: str
    only: str = ""

    @property
    def labels(self) -> dict[str, str]:
        """The columns of the report's table."""
        if self.category == PREDICTIONS:
            return {"figure": self.title, "recordings": "{prediction}"}
        if self.category == RECORDINGS:
            return {"figure": self.title, "data set": "{dataset}"}
        return {"page": self.title}

    def described(self, wildcards: Mapping[str, str]) -> str:
        """The caption of one file."""
        return self.caption.format(**dict(wildcards.items()))


VARIANTS = (
    "One clip of {dataset}, unchanged and in every variant of its training copies. The page plays the sounds; the "
    "figure shows the spectrograms on one scale of loudness."
)

ITEMS = {
    "report": Item(
        "<results>/summary/report.html",
        REPORT,
        "report",
        "The whole study on one page: which model is best and how certain this is, the leaderboard, all comparisons, "
        "the mistakes to hear, and how to run it again. Its menu leads to each section.",
    ),
    "audit": Item(
        "<results>/audit/{dataset}.html",
        RECORDINGS,
        "audit",
        "What the checks found in {dataset}: damaged and unusual clips, copies of clips, groups that are in several "
        "published folds, labels with too few clips. The same findings are in a table: ``audit/{dataset}.csv`` in the "
        "results folder.",
    ),
    "listen": Item(
        "<results>/explore/{dataset}/listen.html",
        RECORDINGS,
        "one sample of each class",
        "One clip of each class of {dataset} to listen to: its loudest seconds, at the same level for all clips.",
    ),
    "variants": Item("<results>/summary/{dataset}/variants.html", RECORDINGS, "augmented clips", VARIANTS, AUGMENTED),
    "variant_spectrograms": Item(
        "<results>/summary/{dataset}/variants.svg",
        RECORDINGS,
        "spectrograms of augmented clips",
        VARIANTS,
        AUGMENTED,
    ),
    "predictions": Item(
        "<results>/predictions/{prediction}/predictions.html",
        PREDICTIONS,
        "predictions",
        "Recordings that {prediction} names, predicted by a trained model, to see and hear, with the probabilities. "
        "Where labels are known, the page shows the actual label and the predicted one. Tables of all predictions are "
        "beside this page: ``predictions.csv`` and ``windows.csv``.",
        REQUESTED,
    ),
}
