"""Feature front-ends: they compute the features that a model takes from the samples of a clip.

A front-end is a function ``(samples, sample_rate, settings) -> (bins, frames)`` registered in :data:`FRONT_ENDS`. Its
settings are an entry of ``config/features.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from soundbench.core.errors import InputError
from soundbench.data.audio import read_mono, resample
from soundbench.features.settings import AST_WINDOW, BINS, Settings, frame_count

MEL_BAND = 16  # filters per matrix product; the product of all filters would spend most of its time on zeros
FLOOR = 1e-10  # the smallest power before the logarithm, as `amin` in librosa

Change = Callable[[np.ndarray, int], np.ndarray]  # (samples, sample rate in Hz) -> samples


@lru_cache(maxsize=16)
def _window(n_fft: int, win_length: int) -> torch.Tensor:
    window = torch.hann_window(win_length)
    left = (n_fft - win_length) // 2
    return torch.nn.functional.pad(window, (left, n_fft - win_length - left))


@lru_cache(maxsize=16)
def mel_bands(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> list[tuple[slice, torch.Tensor]]:
    """Slaney's mel filters in bands of :data:`MEL_BAND` filters, equal to ``librosa.filters.mel`` (M. Slaney,
    "Auditory Toolbox", 1998).

    Returns:
        For each band the slice of FFT bins that it needs, and its filters ``(filters, bins)`` on them.
    """
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(n_fft // 2 + 1, fmin, fmax, n_mels, sample_rate, norm="slaney", mel_scale="slaney").T
    bands = []
    for band in filters.split(MEL_BAND):
        nonzero = band.any(dim=0).nonzero().flatten()
        bins = slice(int(nonzero[0]), int(nonzero[-1]) + 1)
        bands.append((bins, band[:, bins].contiguous()))
    return bands


def _scaled(mels: torch.Tensor, scale: str, power: float) -> torch.Tensor:
    """Convert magnitudes to the power of ``power`` to a logarithmic scale, in place."""
    if scale == "log1p":
        return mels.log1p_()
    mels.clamp_(min=FLOOR ** (power / 2))
    return mels.log10_().mul_(20 / power) if scale == "db" else mels.log_()


def log_mel(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """A log-mel spectrogram.

    In dB, it equals ``librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=None)``.

    Args:
        samples: ``(samples,)`` at ``sample_rate`` Hz.

    Returns:
        ``(mels, frames)`` float32; frames are centred, and the signal is padded with zeros.
    """
    n_fft = settings["n_fft"]
    power = settings["power"]
    padded = torch.nn.functional.pad(torch.from_numpy(samples), (n_fft // 2, n_fft // 2))
    frames = padded.unfold(0, n_fft, settings["hop_length"]) * _window(n_fft, settings["win_length"] or n_fft)
    spectrum = torch.fft.rfft(frames)
    # abs() would compute a square root that is squared again; a sum over a last axis of two is four times as slow.
    magnitudes = spectrum.real.square().add_(spectrum.imag.square())
    if power != 2:
        magnitudes.pow_(power / 2)
    fmax = settings["fmax"] or sample_rate / 2
    bands = mel_bands(sample_rate, n_fft, settings["n_mels"], settings["fmin"], fmax)
    mels = torch.cat([band @ magnitudes.T[bins] for bins, band in bands])
    return _scaled(mels, settings["scale"], power)


def mfcc(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """Mel-frequency cepstral coefficients ``(coefficients, frames)``, equal to ``librosa.feature.mfcc`` of the log-mel.

    S. Davis and P. Mermelstein, "Comparison of parametric representations", TASSP 1980.
    """
    from torchaudio.functional import create_dct

    cosines = create_dct(settings["n_mfcc"], settings["n_mels"], norm="ortho")
    return cosines.T @ log_mel(samples, sample_rate, settings)


def ast_filter_bank(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """Kaldi's log filter bank ``(mels, frames)``, cropped or padded with zeros to ``settings["frames"]``.

    Y. Gong, Y.-A. Chung and J. Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021. Normalised by the
    constants of the paper, it equals the ``ASTFeatureExtractor`` of transformers.
    """
    from torchaudio.compliance.kaldi import fbank

    wave = torch.from_numpy(np.pad(samples, (0, max(0, AST_WINDOW - len(samples)))))
    bank = fbank(wave[None], sample_frequency=sample_rate, window_type="hanning", num_mel_bins=settings["n_mels"])
    bank = bank[: settings["frames"]]
    return torch.nn.functional.pad(bank, (0, 0, 0, settings["frames"] - len(bank))).T


FRONT_ENDS = {"ast": ast_filter_bank, "logmel": log_mel, "mfcc": mfcc}


def clip_features(path: str | Path, settings: Settings, change: Change | None = None) -> torch.Tensor:
    """The features ``(bins, frames)`` of one file, float32: it is decoded, changed, resampled and cropped before.

    Args:
        change: a function that changes the decoded samples; None for no change.
    """
    samples, own_rate = read_mono(path)
    if change is not None:
        samples = change(samples, own_rate)
    sample_rate = settings["sample_rate"] or own_rate
    samples = resample(samples, own_rate, sample_rate)
    if duration := settings.get("duration"):
        samples = samples[: round(duration * sample_rate)]
    return FRONT_ENDS[settings["front_end"]](samples, sample_rate, settings)


def fixed_size(features: torch.Tensor, frames: int, settings: Settings) -> tuple[torch.Tensor, int]:
    """Give a clip's features ``(bins, any)`` the shape of all clips.

    They are cropped or padded to ``frames``, normalised if the setting is ``normalise: clip``, and resized if a size is
    set.

    Returns:
        Features ``(bins, frames)``, or of the size ``settings["resize"]``; and the number of frames without padding.
    """
    size = settings.get("resize")
    if size and not settings["duration"]:
        frames = features.shape[1]
    features = features[:, :frames]
    if settings["normalise"] == "clip":
        std, mean = torch.std_mean(features, correction=0)
        features = (features - mean) / std.clamp(min=1e-5)
    count = features.shape[1]
    if count < frames:
        # The padding is the clip's quietest value, because a block of zeros would be a sound in dB.
        features = torch.nn.functional.pad(features, (0, frames - count), value=float(features.min()))
    if size:
        features = torch.nn.functional.interpolate(features[None, None], size, mode="bilinear", antialias=True)[0, 0]
        count = -(-count * size[1] // frames)
    return features, count


def features_shape(clips: pd.DataFrame, settings: Settings) -> tuple[int, int]:
    """The shape ``(bins, frames)`` of all features of a source before resizing: that of its longest clip.

    Args:
        clips: the source's clips, with ``seconds`` and ``sample_rate`` (Hz).
    """
    pairs = zip(clips["seconds"], clips["sample_rate"], strict=True)
    sizes = {(settings.get("duration") or seconds, settings["sample_rate"] or own) for seconds, own in pairs}
    return settings[BINS[settings["front_end"]]], max(frame_count(*size, settings) for size in sizes)


def stored_features(
    path: str | Path, features: torch.Tensor, frames: int, settings: Settings
) -> tuple[np.ndarray, int]:
    """The features of a clip as they are stored: of :func:`fixed_size`, in float16; and its frames without padding.

    Raises:
        InputError: a value is not finite; the message begins with ``path``.
    """
    features, count = fixed_size(features, frames, settings)
    if not all(extreme.half().isfinite() for extreme in features.aminmax()):
        raise InputError(f"{path}: its features are not finite in float16; does it hold NaN, or samples far above 1?")
    return features.half().numpy(), count  # numpy's own conversion is forty times as slow
