"""The figures of a study: one entry each. Everything else about a figure follows from its entry.

A figure is drawn once, or once per data set, per model, or per data set and model. Its function lies in a module of
``report/figures``. The names of the function's parameters say what it reads: a table of ``summary/`` by its name
(``leaderboard``, ``costs``), the runs' ``metrics``, ``predictions`` and ``histories``, or what
:func:`soundbench.report.figures.draw.values` lists. ``path`` is the file to write.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

PACKAGE = "soundbench.report.figures"
# The end of the captions of figures that :attr:`Figure.of_pairs` limits.
LARGE = " If a study has more than 40 pairs of a data set and a model, it shows the best models of each data set only."


@dataclass(frozen=True)
class Figure:
    """A figure of the report.

    Attributes:
        function: ``module.function`` in ``report/figures``.
        title: a few words for a menu.
        caption: what the figure shows and how to read it. It stands below the figure, without a data set's name.
        each: ``dataset``, ``model`` or both, where there is one figure per data set or model.
        several: ``datasets`` or ``models``, where the figure needs two of them or more.
        panels: ``dataset`` or ``model``, where a figure has a panel for each of them.
    """

    function: str
    title: str
    caption: str
    each: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    panels: str = ""

    @property
    def of_pairs(self) -> bool:
        """Whether each figure or panel is of one data set and one model, so that there are many in a large study."""
        return {*self.each, self.panels} >= {"dataset", "model"}

    def load(self) -> Any:
        """The function."""
        module, name = self.function.split(".")
        return getattr(import_module(f"{PACKAGE}.{module}"), name)

    @property
    def parameters(self) -> list[str]:
        """The names of the function's parameters."""
        return list(inspect.signature(self.load()).parameters)

    def draw(self, known: Mapping[str, Any]) -> None:
        """Call the function with those of the values that it reads."""
        self.load()(**{name: known[name] for name in self.parameters})


FIGURES = {
    "scores": Figure(
        "scores.plot_scores",
        "scores",
        "Each small dot is one fold with one seed; the diamond is the mean, and the bar is its 95 % interval "
        "over recordings or speakers, seeds and training sets. Folds often differ more than models do, so compare "
        "diamonds and bars, not single dots.",
    ),
    "ranks": Figure(
        "scores.plot_ranks",
        "ranks over data sets",
        "Each model's mean rank over the data sets, with one view of each source; 1 is best. A grey bar starts at a "
        "model and ends at the last one whose rank is within the critical difference (Nemenyi, 5 %). Models whose "
        "marks are within one bar do not differ significantly.",
        several=("datasets", "models"),
    ),
    "views": Figure(
        "views.plot_views",
        "views of the same recordings",
        "Does it help to augment or to merge? Each cell has the score (in points) of one model trained on the view "
        "of the row, minus the score of the same model trained on the view of the column, on the test clips that "
        "both views have. It is a win or a loss if the paired comparison finds a difference at 5 %, corrected for all "
        "pairs and models (Holm), and otherwise a tie. Where one view merges labels (*), the predictions of the "
        "finer view are merged afterwards, and both are scored on the merged labels. All numbers are in "
        "summary/view_comparisons.csv in the results folder. With many views and models, it shows the models with the "
        "best mean rank only.",
        several=("datasets",),
    ),
    "ablation": Figure(
        "ablation.plot_ablation",
        "gain of each step",
        "Each model is an earlier one with one added technique: the one above it in a cumulative ablation, the first "
        "one of the selection in a single ablation. The diamond is the gain over that model, and the bar is its 95 % "
        "interval over recordings or speakers, seeds and training sets: green where the step helps, vermilion where it "
        "harms, grey where the interval holds zero. Beside the bar are the gain and the CPU seconds of one training.",
        several=("models",),
    ),
    "costs": Figure(
        "scores.plot_costs",
        "score against cost",
        "Higher is better, and further left is cheaper. Bars are 95 % intervals. A model below and to the right "
        "of another has a lower score at a higher cost. Axes of cost are logarithmic.",
        each=("dataset",),
    ),
    "training": Figure(
        "training.plot_training",
        "learning curves",
        "The loss and a score after each epoch: thin lines are single runs, thick lines are their mean while at "
        "least half of the runs still train. If the validation loss rises while the training loss falls, the "
        "model overfits. With the nested protocol the weights of the epoch with the lowest validation loss are "
        "kept. Models that are fitted at once have no curve." + LARGE,
        each=("dataset",),
        panels="model",
    ),
    "training_size": Figure(
        "training_size.plot_training_size",
        "score against number of training clips",
        "Would more recordings help? One line per model: the score on the same test clips, against the number of "
        "training clips without augmented copies. Bars are 95 % intervals over recordings or speakers, seeds and "
        "training sets. The axis of clips is logarithmic. If a line still rises at its right end, more "
        "recordings are likely to help. If it is flat, a better model is more likely to help.",
    ),
    "confusion": Figure(
        "confusion.plot_confusion",
        "confusion matrices",
        "Rows are true classes and columns are predicted classes, in percent of the true class, over all folds "
        "and seeds. Classes that are often confused are side by side. A strong diagonal is good; a dark cell "
        "beside it marks two classes that are confused. Shares below 1 % are left blank." + LARGE,
        each=("dataset",),
        panels="model",
    ),
    "steps": Figure(
        "confusion.plot_confusion",
        "confusion matrices, all data sets",
        "The confusion matrices of one model on every data set, side by side, in percent of the true class, over "
        "all folds and seeds; the mean score is above each matrix. The panels differ in the view of the "
        "recordings: labels kept or merged, augmentation, or the recordings themselves." + LARGE,
        each=("model",),
        panels="dataset",
        several=("datasets",),
    ),
    "calibration": Figure(
        "confusion.plot_calibration",
        "calibration",
        "How often test clips were classified correctly, against the probability that the model predicted. There "
        "is one line per seed; larger marks stand for more clips. On the dashed line, the probabilities of a "
        "model match its accuracy; below the line, they are too high." + LARGE,
        each=("dataset",),
        panels="model",
    ),
    "label_scores": Figure(
        "labels.plot_label_scores",
        "scores of each label",
        "The average precision of each label on the test clips of all folds, the mean over seeds; one mark per model. "
        "The grey line is the score of guessing: the share of clips that have the label. The labels with the lowest "
        "scores are at the bottom. Labels that no test clip has are left out. If there are more than 60 labels, those "
        "with the lowest scores are shown; metrics.json of a run has all.",
        each=("dataset",),
    ),
    "occurrences": Figure(
        "labels.plot_occurrences",
        "labels that occur together",
        "Of the clips with the label of a row, the share that also have the label of the column: as labelled (first "
        "panel), and as each model predicts. A cell that is darker than in the first panel marks two labels that the "
        "model gives together too often." + LARGE,
        each=("dataset",),
        panels="model",
    ),
    "values": Figure(
        "values.plot_values",
        "predicted and true numbers",
        "One dot per test clip, the mean over seeds. The concordance correlation above each panel is the mean of those "
        "of the seeds. On the dashed line, predictions are correct. If the cloud is flatter than the line, the "
        "predictions are too close to the mean." + LARGE,
        each=("dataset",),
        panels="model",
    ),
    "residuals": Figure(
        "values.plot_residuals",
        "errors",
        "Predicted minus true numbers against predicted ones, one dot per test clip; the black line is the mean in "
        "each tenth of the clips. Where it is above the dashed line, predictions are too high on average, and where it "
        "is below, too low." + LARGE,
        each=("dataset",),
        panels="model",
    ),
    "robustness": Figure(
        "robustness.plot_robustness",
        "robustness",
        "How scores change when the test clips are changed and the models are not: with white noise, shifted in "
        "pitch, played at another speed, or without high frequencies. A line is the mean over folds and seeds, its "
        "band is the 95 % interval over recordings or speakers, seeds and training sets, and a dotted line is the "
        "score of the same clips without changes. The numbers are in summary/robustness.csv in the results folder.",
        each=("dataset",),
    ),
    "samples": Figure(
        "samples.plot_samples",
        "sample predictions",
        "Test clips, drawn at random, whether they are classified correctly or not, with their label and the "
        "prediction. Probabilities are means over seeds. The frequency axis is logarithmic; it ends at half of the "
        "file's sample rate, at most at 11 kHz." + LARGE,
        each=("dataset", "model"),
    ),
    "explanations": Figure(
        "explanations.plot_explanations",
        "what decisions rest on",
        "Test clips as the model reads them: errors (vermilion) and correct clips (blue) with high probability, of one "
        "trained network (first seed, first fold). Where a region is silenced, the probability of the predicted label "
        "falls; the lines surround the regions where it falls by at least half of the largest fall, which the title "
        "gives in points. Where there are no lines, no region alone lowers it by a point. If the regions lie on noise "
        "or on silence, the model has learned something else than the sound." + LARGE,
        each=("dataset", "model"),
    ),
}

FIGURE_MODULES = sorted({f"{PACKAGE}.{figure.function.split('.')[0]}" for figure in FIGURES.values()})

# Where the folder of figures has them: once, per data set, per model, per data set and model.
ALL = "all"
FIGURE_PATTERNS = {
    (): "{figure}.svg",
    ("dataset",): "{dataset}/{figure}.svg",
    ("model",): ALL + "/{model}/{figure}.svg",
    ("dataset", "model"): "{dataset}/{model}/{figure}.svg",
}


def figure_path(name: str, dataset: str = "", model: str = "") -> str:
    """Where a figure lies in the folder of figures."""
    return FIGURE_PATTERNS[FIGURES[name].each].format(figure=name, dataset=dataset, model=model)
