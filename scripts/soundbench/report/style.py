"""The colour and the marker of each model, the same in all figures and on all pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# M. Okabe and K. Ito, "Color universal design", 2008: also distinct for colour-blind people.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


def luminance(colour: Sequence[float]) -> float:
    """The relative luminance of a colour, red, green and blue from 0 to 1 (WCAG 2.2)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """The contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_colour(background: Sequence[float]) -> str:
    """Black or white, whichever stands out more; its contrast with any colour is at least 4.58."""
    return "white" if contrast(background, (1, 1, 1)) > contrast(background, (0, 0, 0)) else "black"


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """One colour per model, by its position in the configuration."""
    return {model: PALETTE[number % len(PALETTE)] for number, model in enumerate(models)}


def model_markers(models: Iterable[str]) -> dict[str, str]:
    """One marker per model, for reading without colours; with more models than colours the pairs still differ."""
    return {model: MARKERS[(number + number // len(PALETTE)) % len(MARKERS)] for number, model in enumerate(models)}
