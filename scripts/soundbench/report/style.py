"""How a model looks wherever it appears: one colour and one marker, in figures and on pages."""

from __future__ import annotations

from collections.abc import Iterable

# M. Okabe and K. Ito, "Color universal design", 2008: told apart by the colour-blind too.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """A colour a model, by its place in the configuration."""
    return {model: PALETTE[number % len(PALETTE)] for number, model in enumerate(models)}


def model_markers(models: Iterable[str]) -> dict[str, str]:
    """A marker a model, so that no figure needs its colours; with more models than colours the pairs still differ."""
    return {model: MARKERS[(number + number // len(PALETTE)) % len(MARKERS)] for number, model in enumerate(models)}
