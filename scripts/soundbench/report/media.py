"""Audio and images inside a page, as data URIs."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import soundfile

from soundbench.data.audio import read_mono, resample
from soundbench.data.parts import file_of

LISTENING_RATE = 22050  # Hz
LONGEST = 10.0  # s; longer clips are cut, so that a page of clips stays small
LOWEST = 50  # Hz, the lower edge of a spectrogram
HIGHEST = 11000  # Hz, the upper edge
DYNAMICS = 70.0  # dB below the maximum that a spectrogram shows
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # Hz


def data_uri(kind: str, content: bytes) -> str:
    """``content`` as a data URI; ``kind`` is its media type, such as ``audio/mpeg``."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def read_for_listening(path: str | Path, start: float = 0, seconds: float = LONGEST) -> np.ndarray:
    """A stretch from ``start`` (s) at :data:`LISTENING_RATE`, ``(samples,)``, the peak just below full scale."""
    samples, sample_rate = read_mono(path, start, min(seconds, LONGEST))
    samples = resample(samples, sample_rate, LISTENING_RATE)
    return 0.9 * samples / max(float(np.abs(samples).max()), 1e-6)


def audio_uri(samples: np.ndarray, sample_rate: int = LISTENING_RATE) -> str:
    """``(samples,)`` at ``sample_rate`` Hz as MP3, which every browser plays and which is a tenth of the size of WAV.

    Audio at a rate that MP3 does not have is resampled to 44100 Hz.
    """
    rate = sample_rate if sample_rate in MP3_RATES else 44100
    samples = resample(samples, sample_rate, rate)
    content = io.BytesIO()
    soundfile.write(content, samples, rate, "MPEG_LAYER_III", format="MP3", compression_level=0.6)
    return data_uri("audio/mpeg", content.getvalue())


def highest_frequency(path: str | Path) -> float:
    """The upper edge (Hz) of the spectrogram of a file: :data:`HIGHEST`, or half of its sample rate if that is less."""
    return min(HIGHEST, soundfile.info(file_of(path)).samplerate / 2)


def spectrogram_shades(samples: np.ndarray, height: int = 110, highest: float = HIGHEST) -> np.ndarray:
    """The spectrogram of ``(samples,)`` in shades of 0 to 1, ``(height, frames)``.

    Rows go from ``highest`` down to :data:`LOWEST` Hz, logarithmic; 0 is :data:`DYNAMICS` below the maximum.
    """
    from scipy.signal import spectrogram

    window = 2048  # samples; a bin of 11 Hz
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    _, _, power = spectrogram(padded, LISTENING_RATE, nperseg=window, noverlap=window - 256)
    rows = np.geomspace(highest, LOWEST, height) / LISTENING_RATE * window
    level = 10 * np.log10(power[np.round(rows).astype(int)] + 1e-12)
    return np.clip(1 + (level - level.max()) / DYNAMICS, 0, 1)


def spectrogram_uri(samples: np.ndarray, width: int = 300, height: int = 110, highest: float = HIGHEST) -> str:
    """The spectrogram of ``(samples,)`` as a JPEG image; see :func:`spectrogram_shades`."""
    from matplotlib import colormaps
    from PIL import Image

    shades = spectrogram_shades(samples, height, highest)
    image = Image.fromarray((255 * colormaps["magma"](shades)[..., :3]).astype(np.uint8))
    content = io.BytesIO()
    image.resize((width, height), Image.Resampling.BILINEAR).save(content, "JPEG", quality=80)
    return data_uri("image/jpeg", content.getvalue())
