"""Audio files: reading, resampling and writing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from soundbench.core.errors import InputError
from soundbench.data.parts import ROUNDING, file_of, part_of

LARGEST = 2.0**32  # the largest valid sample; some programs write 32-bit integers as floating point without scaling
STREAMED = 0x7FFFF000  # bytes; programs that write to a pipe state this length or more, because they do not know it yet
# In libsndfile's log: the sizes (bytes) of the samples of WAV, AIFF and AU, and of whole files of W64 and RF64.
DECLARED = re.compile(r"^\s*(data|SSND|Data Size|riff|Riff size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
BREAKS_OFF = "Seems to be a truncated file"  # in libsndfile's log of VOC
ROUNDED = 8  # bytes by which the size of a whole file may be rounded up
BLOCK = 1 << 17  # samples that are decoded at once if a recording is read in blocks; 3 s at 44.1 kHz


class AudioFile(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is open for reading, or a part of one (:mod:`soundbench.data.parts`): no other samples are read.

    Attributes:
        first: the number of the first sample in the file.
        length: how many samples there are, by the header of the file.

    Raises:
        InputError: the part ends after the file.
    """

    def __init__(self, path: str | Path) -> None:
        part = part_of(path)
        super().__init__(part.file)
        self.is_part = part.end is not None
        if part.end is not None and part.end > self.frames / self.samplerate + ROUNDING:
            raise InputError(
                f"{path}: the part ends after the end of the file, which lasts {self.frames / self.samplerate:.6g} s"
            )
        self.first = round(part.start * self.samplerate)
        last = self.frames if part.end is None else min(round(part.end * self.samplerate), self.frames)
        self.length = last - self.first

    @property
    def position(self) -> int:
        """How many samples were read or skipped."""
        return max(int(self.tell()) - self.first, 0)

    def skip(self, samples: int) -> None:
        """Go to a sample, by its number from 0."""
        if samples:
            self.seek(self.first + samples)

    def read(self, frames: int = -1, dtype: str = "float64", **options: Any) -> np.ndarray:
        """The next samples, as ``soundfile.SoundFile.read``; -1 for all that remain."""
        if self.is_part:
            # Not before: a second seek in an Ogg file would spoil the first samples after it.
            if self.tell() < self.first:
                self.seek(self.first)
            remaining = max(self.length - self.position, 0)
            frames = remaining if frames < 0 else min(frames, remaining)
        return super().read(frames, dtype, **options)


@contextmanager
def open_audio(path: str | Path) -> Iterator[AudioFile]:
    """Open a file, or a part of one, to read its samples.

    Raises:
        InputError: the file is missing, or libsndfile cannot read it; also for errors within the block.
    """
    try:
        with AudioFile(path) as file:
            yield file
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{path}: {reading_problem(path, error)}") from error


def missing_problem(path: str | Path) -> str:
    """The problem of a path at which there is no file."""
    return "does not exist" + ("; write / between folders" if "\\" in str(path) else "")


def reading_problem(path: str | Path, error: Exception) -> str:
    """The reason why a file cannot be read, from the error that libsndfile or the system raised."""
    if not file_of(path).exists():
        return missing_problem(path)
    if file_of(path).is_file() and not file_of(path).stat().st_size:
        return "is an empty file"
    return f"cannot be read as audio ({str(error).rstrip('.')})"


def audio_seconds(path: str | Path) -> float | None:
    """The length of a file (s) by its header; None if it cannot be read."""
    try:
        return float(soundfile.info(str(path)).duration)
    except (soundfile.LibsndfileError, OSError):
        return None


def header_problems(paths: Iterable[str], problem: Callable[[Any], str | None]) -> list[str]:
    """What is wrong with published recordings by their headers, one entry per file.

    Args:
        problem: what is wrong with a file, given ``soundfile.info`` of it; None if nothing is.
    """
    found = []
    for path in paths:
        try:
            text = problem(soundfile.info(path))
        except (soundfile.LibsndfileError, OSError) as error:
            text = f"cannot be read ({str(error).rstrip('.')})"
        if text:
            found.append(f"{Path(path).name}: {text}")
    return found


def missing_end(path: str, file: AudioFile, read: int) -> str:
    """The evidence that the end of a file, or of a part, is missing; empty if there is none.

    Args:
        read: the number of samples that could be decoded.
    """
    if file.is_part:
        held = f"{read} of its {file.length} samples"
        return f"is truncated: {held} can be decoded" if read < file.length else ""
    for name, declared, actual in DECLARED.findall(file.extra_info):
        missing = int(declared) - int(actual)
        if missing > (ROUNDED if name.casefold().startswith("riff") else 0) and int(declared) < STREAMED:
            return f"is truncated: its header declares {declared} bytes, but it holds {actual}"
    if BREAKS_OFF in file.extra_info:
        return "is truncated: its last block of samples breaks off"
    # The length of an MP3 without a length in its header is an estimate.
    if read < 0.99 * file.frames:
        return f"is truncated: its header declares {file.frames} samples, but it holds {read}"
    if file.format == "OGG" and not _has_last_ogg_page(path):
        return "is truncated: the last page of an Ogg file is missing"
    return ""


def _has_last_ogg_page(path: str) -> bool:
    """Whether the last page is complete and marked as the last of its stream (RFC 3533, section 6)."""
    with open(path, "rb") as file:
        file.seek(max(0, Path(path).stat().st_size - (1 << 16) - 512))
        tail = file.read()
    page = tail[max(tail.rfind(b"OggS"), 0) :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return False
    return bool(page[5] & 4) and len(page) >= 27 + page[26] + sum(page[27 : 27 + page[26]])


def sample_problem(samples: np.ndarray) -> str:
    """The reason why samples ``(samples,)`` or ``(samples, channels)`` cannot be sound; empty if there is none."""
    if not len(samples):
        return ""
    if count := int((~np.isfinite(samples)).reshape(len(samples), -1).any(axis=1).sum()):
        return f"{count} of {len(samples)} samples are not finite (NaN or infinite)"
    if (largest := np.abs(samples).max()) > LARGEST:
        return f"the largest sample is {largest:.2g}, but samples should be between -1 and 1"
    return ""


def next_samples(file: AudioFile, count: int = -1) -> np.ndarray:
    """The next ``count`` samples of a file, or all remaining ones: mono, float32 ``(samples,)`` in [-1, 1].

    Raises:
        InputError: samples are not finite, or far too large.
    """
    # This equals libsndfile's own conversion exactly and takes a fifth of its time.
    if file.subtype == "PCM_16":
        samples = file.read(count, dtype="int16").astype(np.float32) * np.float32(2**-15)
    else:
        samples = file.read(count, dtype="float32")
        if file.subtype in ("FLOAT", "DOUBLE") and (problem := sample_problem(samples)):
            raise InputError(f"{file.name}: {problem}")
    return samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)


def read_mono(path: str | Path, start: float = 0, seconds: float | None = None) -> tuple[np.ndarray, int]:
    """Decode a file or a part, or ``seconds`` of it from ``start`` (s), and mix its channels down.

    Returns:
        Samples as float32 of shape ``(samples,)`` in [-1, 1], and the sample rate in Hz.

    Raises:
        InputError: the file is missing, libsndfile cannot read it, or it holds no samples.
    """
    with open_audio(path) as file:
        file.skip(round(start * file.samplerate))
        samples = next_samples(file, -1 if seconds is None else round(seconds * file.samplerate))
        if samples.shape[0] == 0:
            raise InputError(f"{path}: holds no samples")
        return samples, file.samplerate


def sample_blocks(file: AudioFile) -> Iterator[np.ndarray]:
    """The samples of a file, in blocks."""
    while len(samples := next_samples(file, BLOCK)):
        yield samples


def resampled_blocks(blocks: Iterable[np.ndarray], own_rate: int, sample_rate: int) -> Iterator[np.ndarray]:
    """Blocks of samples at ``own_rate`` Hz as blocks at ``sample_rate`` Hz; joined, they equal :func:`resample`."""
    stream = None
    if own_rate != sample_rate:
        import soxr

        stream = soxr.ResampleStream(own_rate, sample_rate, 1, dtype="float32")
    for samples in blocks:
        yield stream.resample_chunk(samples) if stream else samples
    if stream:
        yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def resample(samples: np.ndarray, sample_rate: float, target_rate: float) -> np.ndarray:
    """Resample ``(samples,)`` from ``sample_rate`` to ``target_rate`` Hz with the high quality of soxr."""
    if sample_rate == target_rate:
        return samples
    import soxr

    return soxr.resample(samples, sample_rate, target_rate)


def write_audio(path: str | Path, samples: np.ndarray, sample_rate: int) -> None:
    """Write ``(samples,)`` in [-1, 1] as 16-bit audio; the suffix of ``path`` names the format."""
    soundfile.write(str(path), samples, sample_rate, subtype="PCM_16")
