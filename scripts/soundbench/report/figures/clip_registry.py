"""The figures of the clips of a data set: one entry each. Everything else about a figure follows from its entry.

The names of the parameters of a figure's function say what it reads: ``clips``, the table of the clips; ``sounds``,
decoded examples of each label; ``levels``, the spectra of examples. ``path`` is the file to write.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soundbench.core.storage import atomic_folder
from soundbench.report.figures.registry import PACKAGE, Figure

CLIP_FIGURES = {
    "labels": Figure(
        "clips.plot_labels",
        "labels and lengths",
        "How many clips each class has, and how long they are; each dot is one clip. Rare classes have little weight "
        "in accuracy, and the same weight as any other class in UAR.",
    ),
    "waveforms": Figure(
        "clips.plot_waveforms",
        "waveforms",
        "Clips, one row per class, from different recordings or speakers. Each waveform is scaled to its own maximum.",
    ),
    "spectrograms": Figure(
        "clips.plot_spectrograms",
        "spectrograms",
        "Log-mel spectrograms of the same clips as in the figure of waveforms, one row per class. Each spectrogram is "
        "shown from its own maximum down to 80 dB below; low frequencies are at the bottom. All rows span the same "
        "frequencies; a file with a lower sample rate leaves the top of its row empty.",
    ),
    "spectra": Figure(
        "clips.plot_spectra",
        "frequency spectra",
        "Frequency spectra, one row per class: the level in bands of a third of an octave relative to the clip's "
        "loudest band, as the median over clips and the range of the middle half of the clips. Classes with similar "
        "spectra differ only in how the sound changes over time.",
    ),
}

CLIP_FIGURE_MODULES = sorted({f"{PACKAGE}.{figure.function.split('.')[0]}" for figure in CLIP_FIGURES.values()})


def draw_clip_figures(known: dict[str, Any], folder: str | Path) -> None:
    """Draw each figure into a folder, as ``{name}.svg``.

    Args:
        known: what the functions may read, by the names of their parameters.
    """
    with atomic_folder(folder) as temporary:
        for name, figure in CLIP_FIGURES.items():
            figure.draw(known | {"path": str(temporary / f"{name}.svg")})
