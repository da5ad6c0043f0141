"""The sections of the report's page, in the order of a reader's questions: one entry each.

A section shows what its module writes, then its figures. The module lies in ``report/sections``, has the name of the
section, and has one function, ``section(results) -> str``, which gives HTML; nothing where there is nothing to show.
"""

from __future__ import annotations

from dataclasses import dataclass

PACKAGE = "soundbench.report.sections"


@dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        title: in the menu and above the section.
        lead: what the section answers.
        figures: names of :data:`soundbench.report.figures.registry.FIGURES`.
        written: whether a module of the section's name writes HTML.
    """

    title: str
    lead: str
    figures: tuple[str, ...] = ()
    written: bool = True


SECTIONS = {
    "answer": Section("Verdict", "Which model is best on these sounds, and how certain is this?"),
    "leaderboard": Section("Leaderboard", "How do all models score, and what do they cost?"),
    "contamination": Section("Contamination", "Were test clips in the training data of a pretrained model?"),
    "comparison": Section(
        "Comparison", "By how much do models differ, and in which classes?", figures=("scores", "views", "ranks")
    ),
    "ablation": Section("Step by step", "What does each step add, and what does it cost?", figures=("ablation",)),
    "costs": Section("Cost", "What does a higher score cost?", figures=("costs",), written=False),
    "training_size": Section(
        "Training clips", "Would more recordings help?", figures=("training_size",), written=False
    ),
    "training": Section("Learning curves", "Did training converge?", figures=("training",), written=False),
    "epochs": Section("Choice of the epoch", "What would a choice on the test clips have reported?"),
    "confusion": Section(
        "Confusion", "Which classes are mistaken for which?", figures=("confusion", "steps", "calibration")
    ),
    "labels": Section(
        "Labels",
        "Which labels are found, missed or predicted wrongly, and which occur together?",
        figures=("label_scores", "occurrences"),
    ),
    "values": Section("Numbers", "How far are predictions from the truth, and where?", figures=("values", "residuals")),
    "mistakes": Section("Mistakes", "What do the mistakes sound like?", figures=("samples",)),
    "explanations": Section(
        "Explanations",
        "Which parts of a clip decide, and which clips does a model treat alike?",
        figures=("explanations",),
    ),
    "robustness": Section(
        "Robustness", "Do scores hold when the sound is changed?", figures=("robustness",), written=False
    ),
    "transfer": Section("Other data sets", "Do scores hold on other recordings?"),
    "ledger": Section("Trials", "Which settings were tried, and how often were test clips evaluated?"),
    "data": Section("Data and audit", "What are the recordings, and what is wrong with them?"),
    "provenance": Section(
        "Reproducibility", "Which software and settings made these results, and how can you repeat them?"
    ),
}

SECTION_MODULES = [f"{PACKAGE}.{name}" for name, section in SECTIONS.items() if section.written]
