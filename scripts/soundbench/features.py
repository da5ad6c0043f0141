"""Feature front-ends: from a clip's samples to the picture that a model sees.

A front-end is a function ``(samples, settings) -> (bins, frames)`` registered in :data:`FRONT_ENDS`; its settings
are an entry of ``config/features.yaml``. One job turns all clips of a source into one memory-mapped array.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap

from soundbench.audio import read_mono, resample
from soundbench.errors import InputError
from soundbench.storage import atomic_path, read_clip_table, write_csv

Settings = dict[str, Any]

MEL_BAND = 16  # filters a matrix product: their bins overlap, so that bands skip the zeros between them


@lru_cache(maxsize=4)
def _window(n_fft: int, win_length: int) -> torch.Tensor:
    window = torch.hann_window(win_length)
    before = (n_fft - win_length) // 2
    return torch.nn.functional.pad(window, (before, n_fft - win_length - before))


@lru_cache(maxsize=4)
def mel_bands(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> list[tuple[slice, torch.Tensor]]:
    """Slaney's mel filters in bands of :data:`MEL_BAND`, each with the only FFT bins it needs.

    Equal to ``librosa.filters.mel`` (M. Slaney, "Auditory Toolbox", 1998). Returns ``(bins, (filters, bins))`` pairs.
    """
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(n_fft // 2 + 1, fmin, fmax, n_mels, sample_rate, norm="slaney", mel_scale="slaney").T
    bands = []
    for band in filters.split(MEL_BAND):
        used = band.any(dim=0).nonzero().flatten()
        bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        bands.append((bins, band[:, bins].contiguous()))
    return bands


def log_mel(samples: np.ndarray, settings: Settings) -> torch.Tensor:
    """A log-mel spectrogram in dB, as ``librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=None)``.

    Args:
        samples: ``(samples,)`` at ``settings["sample_rate"]`` Hz.

    Returns:
        ``(mels, frames)`` float32, dB relative to a power of 1; frames are centred, the signal padded with zeros.
    """
    n_fft, hop = settings["n_fft"], settings["hop_length"]
    padded = torch.nn.functional.pad(torch.from_numpy(samples), (n_fft // 2, n_fft // 2))
    frames = padded.unfold(0, n_fft, hop) * _window(n_fft, settings["win_length"] or n_fft)
    spectrum = torch.view_as_real(torch.fft.rfft(frames))
    power = spectrum.square().sum(dim=-1).T  # abs() would take a square root only to have it squared
    fmax = settings["fmax"] or settings["sample_rate"] / 2
    bands = mel_bands(settings["sample_rate"], n_fft, settings["n_mels"], settings["fmin"], fmax)
    mels = torch.cat([band @ power[bins] for bins, band in bands])
    return mels.clamp_(min=1e-10).log10_().mul_(10)


FRONT_ENDS = {"logmel": log_mel}


def feature_shape(seconds: float, settings: Settings) -> tuple[int, int]:
    """``(bins, frames)`` of a clip of ``seconds``, without computing it."""
    samples = math.ceil(round(seconds * settings["sample_rate"], 6))
    return settings["n_mels"], 1 + samples // settings["hop_length"]


def clip_features(path: str, settings: Settings) -> torch.Tensor:
    """Decode one file, resample it and apply the front-end: ``(bins, frames)`` float32."""
    samples, sample_rate = read_mono(path)
    return FRONT_ENDS[settings["front_end"]](resample(samples, sample_rate, settings["sample_rate"]), settings)


def _fill_row(array: np.ndarray, frames: np.ndarray, settings: Settings, job: tuple[int, str]) -> str | None:
    row, path = job
    try:
        features = clip_features(path, settings)
    except InputError as error:
        return str(error)
    if not torch.isfinite(features).all():
        return f"{path}: its features are not finite; does it hold NaN samples?"
    frames[row] = count = min(features.shape[1], array.shape[2])
    array[row, :, :count] = features[:, :count].numpy()
    # Padding takes the clip's own quietest value: a block of zeros would be a sound in dB.
    array[row, :, count:] = features.min()
    return None


def compute_features(clips: str | Path, settings: Settings, array: str | Path, index: str | Path, threads: int) -> None:
    """Compute the features of all clips of a table into one array ``(clips, bins, frames)`` of float16.

    Shorter clips are padded; ``index`` (``clip, row, frames``) keeps their true frame counts. Clips are processed
    one by one, ``threads`` at a time: their intermediate results then stay in the cache, which is three times as
    fast as batches of clips.

    Raises:
        InputError: naming every clip that cannot be read, all at once; no file is left behind.
    """
    table = read_clip_table(clips)
    torch.set_num_threads(1)
    bins, longest = feature_shape(table["seconds"].max(), settings)
    with atomic_path(array) as temporary:
        rows = open_memmap(temporary, mode="w+", dtype=np.float16, shape=(len(table), bins, longest))
        frames = np.zeros(len(table), dtype=int)
        with ThreadPoolExecutor(threads) as pool:
            outcomes = pool.map(partial(_fill_row, rows, frames, settings), enumerate(table["path"]))
            problems = [outcome for outcome in outcomes if outcome]
        if problems:
            raise InputError(problems, f"{len(problems)} of {len(table)} clips cannot be used:")
        rows.flush()
    write_csv(index, table[["clip"]].assign(row=range(len(table)), frames=frames))
