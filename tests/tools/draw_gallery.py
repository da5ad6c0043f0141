"""Draw the pictures of docs/gallery.md: small runs of recipes on synthetic clips, and the page itself.

python tests/tools/draw_gallery.py FOLDER           runs the studies in FOLDER, and goes on if they are there already
python tests/tools/draw_gallery.py FOLDER --page    writes the page alone, if captions have changed

An imitation of ESC-10 has its table and its names, but each clip is one second of a synthetic sound. So no recording is
shown, and no score says anything about a model.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "scripts"), str(REPOSITORY / "tests")]

from helpers import preloaded  # noqa: E402
from helpers.workflow import Workflow  # noqa: E402
from soundbench.core.storage import write_text  # noqa: E402
from soundbench.data.readers import synthetic  # noqa: E402
from soundbench.report.figures.clip_registry import CLIP_FIGURES  # noqa: E402
from soundbench.report.figures.registry import FIGURES, figure_path  # noqa: E402

PICTURES = REPOSITORY / "docs" / "gallery"
PAGE = REPOSITORY / "docs" / "gallery.md"
HEAD = """\
# Gallery

<!-- Written by tests/tools/draw_gallery.py. -->

Figures of the report, from small runs of [recipes](../config/recipes/README.md). The clips are an imitation of ESC-10:
100 synthetic sounds of one second, in ten classes and five folds. They show what a figure is for. Their scores say
nothing about real sounds; [measured results](results.md) do.
"""
# The synthetic sounds that stand for ESC-10's classes.
CLASSES = {
    "engine": "chainsaw",
    "clock": "clock_tick",
    "water_drops": "crackling_fire",
    "siren": "crying_baby",
    "dog": "dog",
    "helicopter": "helicopter",
    "rain": "rain",
    "bird": "rooster",
    "wind": "sea_waves",
    "footsteps": "sneezing",
}
RECORDINGS = 2  # per class and fold
TAKES = 1

Config = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A figure of a study: of the study, of a data set, of a model, or of a data set and a model."""

    figure: str
    dataset: str = ""
    model: str = ""

    @property
    def path(self) -> str:
        """Where it is in the folder of results."""
        if self.figure in CLIP_FIGURES:
            return f"explore/{self.dataset}/figures/{self.figure}.svg"
        return f"summary/figures/{figure_path(self.figure, self.dataset, self.model)}"


@dataclass(frozen=True)
class Study:
    """A recipe, what an overlay changes, and the pictures that are taken of its report."""

    recipe: str
    title: str
    run: str  # what was run, for the page
    pictures: tuple[Picture, ...]
    datasets: tuple[str, ...]
    models: dict[str, Config] = field(default_factory=dict)
    changes: Config = field(default_factory=dict)

    def overlay(self, root: Path) -> Config:
        """The configuration that is laid over the recipe's."""
        return {
            "benchmark": {"datasets": list(self.datasets), "models": list(self.models), "seeds": [1]},
            "models": {name: settings for name, settings in self.models.items() if settings},
            **self.changes,
            "sources": {"esc50": {"root": str(root)}, **self.changes.get("sources", {})},
        }


def epochs(number: int) -> Config:
    return {"training": {"epochs": number}}


STUDIES = (
    Study(
        recipe="model-kinds",
        title="a comparison of models",
        run="`majority`, `svm`, `cnn` (12 epochs) and the mean of the last two, five folds, one seed, with noise in "
        "test clips (`robustness`).",
        datasets=("esc10",),
        models={"majority": {}, "svm": {}, "cnn": epochs(12), "svm-and-cnn": {}},
        changes={"robustness": {"models": ["svm", "cnn"], "noise": [0, 10, 20, 30]}},
        pictures=(
            Picture("spectrograms", "esc10"),
            Picture("scores"),
            Picture("costs", "esc10"),
            Picture("training", "esc10"),
            Picture("confusion", "esc10"),
            Picture("calibration", "esc10"),
            Picture("samples", "esc10", "cnn"),
            Picture("explanations", "esc10", "cnn"),
            Picture("robustness", "esc10"),
        ),
    ),
    Study(
        recipe="augmentation",
        title="do copies help?",
        run="`cnn` (10 epochs), five folds, one seed, on the clips as they are and with copies of every clip.",
        datasets=("esc10-literature", "esc10-copies"),
        models={"cnn": epochs(10)},
        pictures=(Picture("views"), Picture("steps", model="cnn")),
    ),
    Study(
        recipe="mixtures",
        title="several labels, and numbers",
        run="`cnn` (20 epochs), five folds, one seed; mixtures of two or three clips of three classes, with onsets "
        "within half of a second.",
        datasets=("mixture-labels", "mixture-numbers"),
        models={"cnn": epochs(20)},
        changes={"sources": {"mixtures": {"seconds": 1, "onsets": [0, 0.5]}}},
        pictures=(
            Picture("label_scores", "mixture-labels"),
            Picture("occurrences", "mixture-labels"),
            Picture("values", "mixture-numbers"),
        ),
    ),
    Study(
        recipe="model-kinds",
        title="fewer training clips",
        run="`svm` and `limit: {train: [24, 48, all]}`, five folds, one seed.",
        datasets=("esc10",),
        models={"svm": {}},
        changes={"datasets": {"esc10": {"limit": {"train": [24, 48, "all"]}}}},
        pictures=(Picture("training_size"),),
    ),
)


def write_imitation(root: Path) -> None:
    """Write synthetic clips in the layout of ESC-50, with the names of ESC-10's classes."""
    made = root.with_name("synthetic")
    made.mkdir(parents=True)
    synthetic.fetch(made, seed=0, classes=12, recordings=RECORDINGS, takes=TAKES, seconds=1, sample_rate=22050)
    clips = synthetic.read(made)
    clips = clips[clips["label"].isin(CLASSES)].reset_index(drop=True)
    (root / "meta").mkdir(parents=True)
    (root / "audio").mkdir()
    names = [f"{row.fold}-{100000 + row.Index // TAKES}-{row.Index % TAKES}.wav" for row in clips.itertuples()]
    for path, name in zip(clips["path"], names, strict=True):
        shutil.copy(path, root / "audio" / name)
    table = pd.DataFrame(
        {
            "filename": names,
            "fold": clips["fold"],
            "category": clips["label"].map(CLASSES),
            "esc10": True,
            "src_file": [name.split("-")[1] for name in names],
        }
    )
    table.to_csv(root / "meta" / "esc50.csv", index=False)


def draw(study: Study, folder: Path, root: Path) -> None:
    """Run a study as far as its pictures, and copy these."""
    workflow = Workflow.of(folder) if folder.exists() else Workflow(folder)
    results = f"results/{study.recipe}"
    wanted = {str(Path(results, *Path(picture.path).parts[:2])) for picture in study.pictures}
    wanted |= {
        f"{results}/explore/{picture.dataset}/figures" for picture in study.pictures if "explore" in picture.path
    }
    wanted -= {f"{results}/explore/{picture.dataset}" for picture in study.pictures}
    overlay = workflow.overlay("small", **study.overlay(root))
    command = workflow.command(*sorted(wanted), "--cores", "2", "--nolock")
    command += ["--configfile", f"config/recipes/{study.recipe}.yaml", overlay]
    command[0] = str(preloaded.SERVERS[0])
    subprocess.run(command, cwd=folder, check=True)
    for picture in study.pictures:
        shutil.copy(folder / results / picture.path, PICTURES / f"{picture.figure}.svg")


def draw_studies(folder: Path) -> None:
    """Draw the pictures of all studies, each in a folder of its own."""
    if not (folder / "ESC-50-master").exists():
        write_imitation(folder / "ESC-50-master")
    for number, study in enumerate(STUDIES):
        draw(study, folder / f"study{number}", folder / "ESC-50-master")


def page() -> str:
    """The text of the page: what was run, and each picture with its caption in the report."""
    parts = [HEAD]
    figures = FIGURES | CLIP_FIGURES
    for study in STUDIES:
        link = f"[The recipe](../config/recipes/{study.recipe}.yaml)"
        parts.append(f"## {study.recipe}: {study.title}\n\n{link} was run with {study.run}\n")
        for picture in study.pictures:
            figure = figures[picture.figure]
            title = figure.title[0].upper() + figure.title[1:]
            image = f"![{title}](gallery/{picture.figure}.svg)"
            parts.append(f"### {title}\n\n[{image}](gallery/{picture.figure}.svg)\n\n{figure.caption}\n")
    return "\n".join(parts)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--page", action="store_true")
    arguments = parser.parse_args()
    if not arguments.page:
        shutil.rmtree(PICTURES, ignore_errors=True)
        PICTURES.mkdir()
        folder = arguments.folder.resolve()
        with TemporaryDirectory() as temporary:
            server = Path(temporary) / "server"  # jobs start sooner if torch is imported once
            preloaded.start(server, os.getpid())
            preloaded.SERVERS.append(server / "python")
            draw_studies(folder)
    write_text(PAGE, page())


if __name__ == "__main__":
    main()
