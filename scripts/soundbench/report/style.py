"""The colour and the marker of each model, the same in all figures and on all pages."""

from __future__ import annotations

from collections.abc import Iterable

# M. Okabe and K. Ito, "Color universal design", 2008: also distinct for colour-blind people.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """One colour per model, by its position in the configuration."""
    return {model: PALETTE[number % len(PALETTE)] for number, model in enumerate(models)}


def model_markers(models: Iterable[str]) -> dict[str, str]:
    """One marker per model, for reading without colours; with more models than colours the pairs still differ."""
    return {model: MARKERS[(number + number // len(PALETTE)) % len(MARKERS)] for number, model in enumerate(models)}
