"""One clip in all its augmented variants: a page to listen to, and a figure of spectrograms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_text
from soundbench.data.audio import read_mono
from soundbench.data.copies import ORIGINAL, target_names, training_copies, variant_names
from soundbench.data.view import AugmentationRule
from soundbench.report.drawing import figure, first_of_rows, shortened
from soundbench.report.media import audio_uri
from soundbench.report.rendering import render
from soundbench.tasks.labels import TRUE

EXCERPT = 10  # s, the longest excerpt of a clip on the page
RANGE = 80  # dB that a spectrogram shows
UNITS = {"snr": " dB", "gain": " dB", "seconds": " s"}


def example_copies(clips: pd.DataFrame, rules: list[AugmentationRule], tables: dict[str, str]) -> pd.DataFrame:
    """The original and the first copy of each variant of one clip: the first of those with the most variants.

    If no clip of the view needs a copy, it is the first clip, without variants.

    Args:
        clips: a split table of the view.
        rules: the view's ``augment``.
        tables: the table of each variant's copies.

    Returns:
        ``variant, clip, truth, path``, the original first; ``truth`` is the clip's label, or its numbers in words.
    """
    copies = training_copies(clips, rules, seed=0)
    # A clip without copies, as balancing leaves some, is not an example.
    variety = clips["clip"].map(copies.groupby("clip")["variant"].nunique()).fillna(0)
    chosen = clips.loc[variety.idxmax()]
    mine = set(copies.loc[copies["clip"] == chosen["clip"], "variant"])
    numbers = target_names(clips)
    truth = ", ".join(f"{name} {chosen[TRUE + name]:g}" for name in numbers) if numbers else chosen["label"]
    rows = []
    for variant in [ORIGINAL, *(name for name in variant_names(rules) if name in mine)]:
        made = read_clip_table(tables[variant])
        rows.append((variant, chosen["clip"], truth, made.loc[made["clip"] == chosen["clip"], "path"].iloc[0]))
    return pd.DataFrame(rows, columns=["variant", "clip", "truth", "path"])


def excerpt_uri(path: str) -> str:
    """The first :data:`EXCERPT` seconds of a file as a data URI."""
    return audio_uri(*read_mono(path, 0, EXCERPT))


def plot_variants(examples: pd.DataFrame, path: str | Path) -> None:
    """Draw the spectrogram of each variant on one scale of loudness."""
    with (
        figure(path, len(examples), 2.9, 3.0, "one clip in all its variants") as (canvas, axes),
        np.errstate(divide="ignore"),
    ):
        loudest = None
        for axis, (variant, file) in zip(axes, examples[["variant", "path"]].itertuples(index=False), strict=True):
            samples, sample_rate = read_mono(file)
            power, *_, image = axis.specgram(samples, NFFT=1024, noverlap=512, Fs=sample_rate, cmap="magma")
            loudest = loudest or 10 * np.log10(max(power.max(), 1e-20))
            image.set_clim(loudest - RANGE, loudest)
            axis.set_ylim(0, sample_rate / 2)
            axis.set_facecolor("black")
            axis.set_title(shortened(variant))
            axis.set_xlabel("time (s)")
            axis.set_yticks(axis.get_yticks(), [f"{tick / 1000:g}" for tick in axis.get_yticks()])
            axis.set_ylim(0, sample_rate / 2)
        for axis in first_of_rows(axes):
            axis.set_ylabel("frequency (kHz)")
        clip, truth = examples.iloc[0][["clip", "truth"]]
        canvas.suptitle(f"{shortened(clip)} ({shortened(truth)})", fontsize=11)
        canvas.colorbar(image, ax=list(axes), label="power (dB)", shrink=0.8)


def describe_clips(rule: AugmentationRule) -> str:
    """The clips that a rule augments in words: ``dog, cat``, ``valence -1 to 0`` or ``all``."""
    ranges = [f"{name} {low} to {high}" for name, (low, high) in (rule.get("values") or {}).items()]
    return ", ".join(ranges or rule["labels"] or ["all"])


def describe_steps(steps: list[dict[str, Any]]) -> str:
    """The steps of a variant in words: ``noise (snr 15 dB); pitch_shift (semitones -2 to 2)``."""
    parts = []
    for step in steps:
        amounts = {
            key: " to ".join(map(str, value)) if isinstance(value, list) else value for key, value in step.items()
        }
        effect = amounts.pop("effect")
        named = (f"{key} {value}{UNITS.get(key, '')}" for key, value in amounts.items() if value is not None)
        parts.append(f"{effect} ({', '.join(named)})")
    return "; ".join(parts) or "unchanged"


def show_variants(
    split: str,
    rules: list[AugmentationRule],
    variants: dict[str, dict[str, Any]],
    tables: dict[str, str],
    page: str | Path,
    figure: str | Path,
) -> None:
    """Write the page with the audio of one clip in all its variants, and the figure of their spectrograms.

    Args:
        variants: the entry of each variant in ``augmentations.yaml``.
    """
    clips = read_split(split)
    examples = example_copies(clips, rules, tables)
    plot_variants(examples, figure)
    rows = [
        {
            "variant": row.variant,
            "steps": describe_steps(variants[row.variant]["steps"]),
            "audio": excerpt_uri(row.path),
        }
        for row in examples.itertuples()
    ]
    values = {
        **examples.iloc[0][["clip", "truth"]],
        "chosen_by": "numbers" if target_names(clips) else "classes",
        "rows": rows,
        "rules": [{"clips": describe_clips(rule), **rule} for rule in rules],
    }
    write_text(page, render("variants.html", title="Augmented variants", **values))
