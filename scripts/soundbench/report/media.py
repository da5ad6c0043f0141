"""Sound and pictures inside a page, as ``data:`` addresses."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import soundfile

from soundbench.data.audio import read_mono, resample

LISTENING_RATE = 22050  # Hz
LONGEST = 10.0  # s; what is longer is cut, so that a page of clips stays small
LOWEST, HIGHEST = 50, 11000  # Hz, the edges of a picture
DYNAMICS = 70.0  # dB below the loudest that a picture shows


def data_uri(kind: str, content: bytes) -> str:
    """``content`` as an address that needs no file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def read_for_listening(path: str | Path, start: float = 0, seconds: float = LONGEST) -> np.ndarray:
    """A stretch from ``start`` (s) at :data:`LISTENING_RATE`, ``(samples,)``, the peak just below full scale."""
    samples, sample_rate = read_mono(path, start, min(seconds, LONGEST))
    samples = resample(samples, sample_rate, LISTENING_RATE)
    return 0.9 * samples / max(float(np.abs(samples).max()), 1e-6)


def audio_uri(samples: np.ndarray) -> str:
    """``(samples,)`` as MP3, which every browser plays and which is a tenth of the size of WAV."""
    content = io.BytesIO()
    soundfile.write(content, samples, LISTENING_RATE, "MPEG_LAYER_III", format="MP3", compression_level=0.6)
    return data_uri("audio/mpeg", content.getvalue())


def spectrogram_shades(samples: np.ndarray, height: int = 110) -> np.ndarray:
    """The spectrogram of ``(samples,)`` in shades of 0 to 1, ``(height, frames)``.

    Rows go from :data:`HIGHEST` down to :data:`LOWEST` Hz, logarithmic; 0 is :data:`DYNAMICS` below the loudest.
    """
    from scipy.signal import spectrogram

    window = 2048  # samples; a bin of 11 Hz
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    _, _, power = spectrogram(padded, LISTENING_RATE, nperseg=window, noverlap=window - 256)
    rows = np.geomspace(HIGHEST, LOWEST, height) / LISTENING_RATE * window
    level = 10 * np.log10(power[np.round(rows).astype(int)] + 1e-12)
    return np.clip(1 + (level - level.max()) / DYNAMICS, 0, 1)


def spectrogram_uri(samples: np.ndarray, width: int = 300, height: int = 110) -> str:
    """The spectrogram of ``(samples,)`` as a picture; see :func:`spectrogram_shades`."""
    from matplotlib import colormaps
    from PIL import Image

    shades = spectrogram_shades(samples, height)
    picture = Image.fromarray((255 * colormaps["magma"](shades)[..., :3]).astype(np.uint8))
    content = io.BytesIO()
    picture.resize((width, height), Image.Resampling.BILINEAR).save(content, "JPEG", quality=80)
    return data_uri("image/jpeg", content.getvalue())
