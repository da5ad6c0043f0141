"""Sizes and checks that follow from a front-end's settings; this module works without torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

Settings = dict[str, Any]

AST_WINDOW = 400  # samples; 25 ms at 16 kHz, as in Kaldi
AST_HOP = 160  # samples; 10 ms at 16 kHz, as in Kaldi
STRETCHED = 30.0  # seconds; longer recordings are cut into windows if a front-end resizes clips of any length
BINS = {"ast": "n_mels", "logmel": "n_mels", "mfcc": "n_mfcc"}  # the setting that is the number of bins
EMBEDDING = "embedding"  # the front-end whose features a pretrained network computes from those of another front-end


def frame_count(seconds: float, sample_rate: int, settings: Settings) -> int:
    """The number of frames of a clip of ``seconds`` at ``sample_rate`` Hz: one per hop, or the fixed number."""
    if "frames" in settings:
        return settings["frames"]
    samples = math.ceil(round(seconds * sample_rate, 6))
    return 1 + samples // settings["hop_length"]


def window_lengths(frames: int, sample_rate: int, settings: Settings) -> tuple[int, int]:
    """The length of a window of ``frames`` frames, and the longest recording that is classified as one window.

    If clips of any length are resized, both are :data:`STRETCHED`.

    Args:
        sample_rate: Hz.

    Returns:
        Both lengths in samples.
    """
    if duration := settings.get("duration"):
        length = round(duration * sample_rate)
        return length, length
    if settings.get("resize"):
        length = round(STRETCHED * sample_rate)
        return length, length
    hop = hop_samples(settings)
    length = max(hop * (frames - 1), 1) + (AST_WINDOW if settings["front_end"] == "ast" else 0)
    return length, length + hop - 1


OVERLAP = 0.5  # the share of a window that the next one repeats


def crop_frames(seconds: float, settings: Settings) -> int:
    """The frames that a sound of ``seconds`` fills, at the sample rate of a front-end."""
    samples = round(seconds * settings["sample_rate"])
    if settings["front_end"] == "ast":
        return 1 + max(0, samples - AST_WINDOW) // AST_HOP
    return 1 + samples // settings["hop_length"]


def window_starts(frames: int, length: int, overlap: float = OVERLAP) -> list[int]:
    """The frames at which the windows of a clip begin: the windows that a recording of its length is cut into.

    A clip of at most ``length`` frames is one window. The last window ends where the clip ends.
    """
    last = max(frames - length, 0)
    return [*range(0, last, max(1, round((length - 1) * (1 - overlap)))), last]


def crop_problems(where: str, seconds: float, settings: Settings) -> Iterator[str]:
    """Why clips with the features of a front-end cannot be cropped to ``seconds`` in training."""
    if settings["front_end"] == EMBEDDING:
        yield f"{where}: an embedding is made of a whole clip; crop the features that it is made of, with `duration`"
    elif settings["sample_rate"] is None:
        yield f"{where}: the front-end keeps the sample rates of the files; give it a sample_rate"
    elif settings.get("resize"):
        yield f"{where}: the front-end resizes clips of any length to one size; leave out resize"
    elif settings["normalise"] == "clip":
        yield f"{where}: the front-end normalises whole clips, not crops; choose another normalise"
    elif settings.get("duration"):
        yield f"{where}: the front-end keeps only the first {settings['duration']:g} s of a clip; leave out duration"
    elif settings.get("frames") and crop_frames(seconds, settings) > settings["frames"]:
        wanted = crop_frames(seconds, settings)
        yield f"{where}: the front-end keeps {settings['frames']} frames, but {seconds:g} s have {wanted}"


def hop_samples(settings: Settings) -> int:
    """The distance of two frames in samples."""
    return AST_HOP if settings["front_end"] == "ast" else settings["hop_length"]


def values_per_decibel(settings: Settings) -> float | None:
    """The increase of every stored value when a clip gets 1 dB louder.

    It is None if a gain does not add the same number to all values: for cepstra, for ``log1p`` and with ``normalise:
    clip``.
    """
    neper = math.log(10) / 10
    factor: float | None = None
    if settings["front_end"] == "ast":
        factor = neper
    elif settings["front_end"] == "logmel":
        factor = {"db": 1.0, "log": neper * settings["power"] / 2}.get(settings["scale"])
    return None if settings["normalise"] == "clip" else factor


def feature_problems(where: str, settings: Settings, sample_rate: int | None) -> Iterator[str]:
    """The problems of a front-end's settings; each begins with its key.

    Args:
        where: the key of the front-end in the configuration.
        sample_rate: Hz; None if it is not known before the files are read.
    """
    if settings["normalise"] == "fixed":
        missing = [key for key in ("mean", "std") if settings[key] is None]
        yield from (f"{where}.{key}: is missing; normalise: fixed needs it" for key in missing)
    if settings["front_end"] in ("ast", EMBEDDING):
        return
    if (settings["win_length"] or 0) > settings["n_fft"]:
        yield f"{where}.win_length: {settings['win_length']} is longer than n_fft, {settings['n_fft']}"
    if settings.get("n_mfcc", 0) > settings["n_mels"]:
        yield f"{where}.n_mfcc: {settings['n_mfcc']} is larger than n_mels, {settings['n_mels']}"
    if sample_rate is not None:
        yield from _filter_problems(where, settings, sample_rate)


def _filter_problems(where: str, settings: Settings, sample_rate: int) -> Iterator[str]:
    nyquist = sample_rate / 2
    fmin = settings["fmin"]
    fmax = settings["fmax"] or nyquist
    if fmax > nyquist:
        yield f"{where}.fmax: {fmax} Hz is above half the sample rate, {nyquist:g} Hz"
    elif fmin >= fmax:
        yield f"{where}.fmin: {fmin} Hz is not below fmax, {fmax:g} Hz"
    elif empty := empty_filters(sample_rate, settings["n_fft"], settings["n_mels"], fmin, fmax):
        yield (
            f"{where}.n_mels: {empty} of {settings['n_mels']} mel filters would be empty, because they lie between the "
            f"bins of n_fft {settings['n_fft']} at {sample_rate} Hz; choose fewer mels or a larger n_fft"
        )


def empty_filters(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> int:
    """The number of Slaney's mel filters that contain no bin of the Fourier transform; their output is always zero."""
    low = _hz_to_mel(fmin)
    high = _hz_to_mel(fmax)
    edges = [_mel_to_hz(low + (high - low) * number / (n_mels + 1)) for number in range(n_mels + 2)]
    bins = [edge * n_fft / sample_rate for edge in edges]
    first_bins = (math.floor(left) + 1 for left in bins[:-2])
    return sum(first >= right for first, right in zip(first_bins, bins[2:], strict=True))


def _hz_to_mel(frequency: float) -> float:
    """M. Slaney, "Auditory Toolbox", 1998: linear up to 1 kHz, logarithmic above."""
    return frequency * 3 / 200 if frequency < 1000 else 15 + 27 * math.log(frequency / 1000) / math.log(6.4)


def _mel_to_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)
