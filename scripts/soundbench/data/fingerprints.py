"""Audio fingerprints find clips that are copies of each other, also after changes of level, format or position.

The fingerprint of a clip is its *landmarks*, the local maxima of its spectrogram, as in A. Wang, "An
industrial-strength audio search algorithm", ISMIR 2003. They hardly change with lossy codecs, resampling and gain, and
shift with the clip. Two clips are compared if enough pairs of landmarks agree in both frequencies and in the time
between them, at one shift. Their likeness is the share of landmarks of the shorter list that then coincide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from soundbench.core.storage import atomic_path
from soundbench.data.audio import resample

SAMPLE_RATE = 11025  # Hz
N_FFT = 1024  # samples
HOP = 256  # samples, 23 ms
LONGEST = 60  # s; only the beginning of longer clips is compared
PIECE = 2584  # frames; long recordings are analysed in pieces of this length, just above LONGEST, to save memory
BINS = slice(14, 465)  # 150 to 5,000 Hz; codecs and old microphones remove most sound outside this range
NEIGHBOURHOOD = 15  # frames and bins; a landmark is the maximum within a square of this size
RANGE = 60  # dB; landmarks are at most this far below the clip's maximum

FAN = 5  # the number of following landmarks that a landmark is paired with
ZONE = 43  # the largest distance of a pair in frames (1 s)
LEAST_PAIRS = 15  # the number of pairs that must agree at one shift before two clips are compared
MOST_PAIRS = 8_000_000  # the number of pairs in memory at once, with about 50 bytes each
MOST_MATCHES = 10_000_000  # the largest number of agreements; above it the most common pairs are left out
UNSEARCHED = "unsearched"
SPARSE = "sparse"
MISSED = {  # why the search may miss copies of some clips, by the key of their number
    UNSEARCHED: "of {} of {} clips, most landmarks are common to many clips and were not compared; copies of these "
    "may be missing here",
    SPARSE: "{} of {} clips have hardly any landmarks, as pure tones and silence do; copies of these with other "
    "samples may be missing here",
}

Landmarks = np.ndarray  # (landmarks, 2) unsigned: frame and frequency bin, in order of time


def landmarks(samples: np.ndarray, sample_rate: int, longest: float = LONGEST) -> Landmarks:
    """The landmarks of the first ``longest`` seconds of ``samples`` ``(samples,)``; a silent clip has none."""
    beginning = samples[: int(min(longest * sample_rate, len(samples)))]
    resampled = resample(beginning, sample_rate, SAMPLE_RATE)
    found = [np.empty((0, 2), int)]
    for first in range(0, len(resampled), PIECE * HOP):
        points = _maxima(resampled[first : first + PIECE * HOP])
        found.append(points[points[:, 0] < PIECE] + [first // HOP, 0])
    return np.concatenate(found).astype(np.uint16 if longest <= LONGEST else np.uint32)


def _maxima(samples: np.ndarray) -> np.ndarray:
    """The frames and bins of the local maxima of the spectrogram, ``(maxima, 2)``."""
    from scipy.fft import rfft  # imported here, since it takes 0.2 s and most jobs only compare landmarks

    padded = np.pad(samples, N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP] * np.hanning(N_FFT).astype(np.float32)
    spectrum = rfft(frames, axis=1)[:, BINS]
    level = 10 * np.log10(spectrum.real**2 + spectrum.imag**2 + 1e-12)
    around = _running_maximum(_running_maximum(level).T).T
    peaks = (level == around) & (level > max(level.max() - RANGE, -90))
    return np.argwhere(peaks)


def _running_maximum(values: np.ndarray) -> np.ndarray:
    """The maximum over :data:`NEIGHBOURHOOD` rows around each; unlike SciPy's filter it does not block threads."""
    reach = NEIGHBOURHOOD // 2
    values = np.pad(values, ((reach, reach), (0, 0)), constant_values=-np.inf)
    width = 1
    while width < NEIGHBOURHOOD:
        step = min(width, NEIGHBOURHOOD - width)
        values = np.maximum(values[:-step], values[step:])
        width = width + step
    return values


def save_landmarks(path: str | Path, clips: Sequence[Landmarks]) -> None:
    """Write the landmarks of all clips to one file, atomically."""
    with atomic_path(path) as temporary:
        points = np.concatenate([np.empty((0, 2), np.uint16), *clips])
        np.savez_compressed(temporary, points=points, counts=[len(clip) for clip in clips])


def load_landmarks(path: str | Path) -> list[Landmarks]:
    """Read a file that :func:`save_landmarks` wrote."""
    with np.load(path) as stored:
        return np.split(stored["points"], np.cumsum(stored["counts"], dtype=int))[:-1]


def _paired(points: Landmarks) -> tuple[np.ndarray, np.ndarray]:
    """The keys of a clip's pairs of landmarks (both frequencies and the frames between), and their first frames."""
    frames = points[:, 0].astype(np.int32)
    bins = points[:, 1].astype(np.int32) // 2
    keys = []
    starts = []
    for step in range(1, FAN + 1):
        between = frames[step:] - frames[:-step]
        near = between <= ZONE
        keys.append((((bins[:-step] << 8) + bins[step:] << 6) + between)[near])
        starts.append(frames[:-step][near])
    return np.concatenate(keys), np.concatenate(starts)


@dataclass(frozen=True)
class _Pairs:
    """Pairs of landmarks in the order of their keys.

    Attributes:
        owner, start: the clip and the first frame of each pair.
        size: the number of pairs with each key, in the order of the keys.
    """

    owner: np.ndarray
    start: np.ndarray
    size: np.ndarray


def _sorted_pairs(clips: Sequence[Landmarks], parts: int, part: int) -> _Pairs:
    """The pairs of all clips whose keys are in one of ``parts`` ranges of keys."""
    chosen = []
    for points in [np.empty((0, 2), np.uint16), *clips]:
        key, start = _paired(points)
        inside = key % parts == part
        chosen.append((key[inside], start[inside]))
    owner = np.repeat(np.arange(-1, len(clips), dtype=np.int32), [len(key) for key, _ in chosen])
    keys, starts = (np.concatenate(column) for column in zip(*chosen, strict=True))
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    return _Pairs(owner[order], starts[order], np.diff(first, append=len(keys)))


def _equal_pairs(pairs: _Pairs, clips: int, affordable: int, bits: int) -> Iterator[np.ndarray]:
    """Codes of two clips and their shift, for all pairs with equal keys that at most ``affordable`` pairs have."""
    order = np.arange(len(pairs.owner))
    place = np.repeat(np.arange(len(pairs.size)), pairs.size)
    rest = np.repeat(pairs.size, pairs.size)
    for lag in range(1, min(affordable, rest.max(initial=0))):
        keep = (rest > lag) & (rest <= affordable)
        order = order[keep]
        place = place[keep]
        rest = rest[keep]
        here = np.flatnonzero(place[lag:] == place[:-lag])
        first = order[here]
        second = order[here + lag]
        apart = pairs.owner[first] != pairs.owner[second]
        first = first[apart]
        second = second[apart]
        both = pairs.owner[first].astype(np.int64) * clips + pairs.owner[second]
        yield (both << bits) + pairs.start[second] - pairs.start[first]


def _shift_bits(clips: Sequence[Landmarks]) -> int:
    """The bits of a code for the shift of two clips, which is below half of their range."""
    return 1 + max((int(points[-1, 0]) for points in clips if len(points)), default=0).bit_length()


def _agreements(clips: Sequence[Landmarks], bits: int) -> tuple[np.ndarray, int, int]:
    """The agreements of clips, which are equal pairs of landmarks, as sorted codes of both clips and the shift.

    The pairs are searched in ranges of keys, so that at most about :data:`MOST_PAIRS` are in memory.

    Returns:
        The codes; the number of clips of which more than half of the pairs were left out; and the number of clips with
        fewer than :data:`LEAST_PAIRS` pairs.
    """
    parts = 1 + sum(map(len, clips)) * FAN // MOST_PAIRS
    pairs_of = lru_cache(maxsize=1)(partial(_sorted_pairs, clips, parts))
    # Pairs that many clips share are the least informative and need the most time, so they are left out first.
    times = Counter[int]()
    for part in range(parts):
        times.update(dict(zip(*np.unique(pairs_of(part).size, return_counts=True), strict=True)))
    sizes = np.array(sorted(times), dtype=np.int64)
    number = np.array([times[size] for size in sizes], dtype=np.int64)
    affordable = sizes[np.cumsum(number * sizes * (sizes - 1) // 2) <= MOST_MATCHES].max(initial=2)
    codes = [np.empty(0, np.int64)]
    counts = np.zeros((2, len(clips)), dtype=np.int64)  # all pairs, and those that are left out
    for part in range(parts):
        pairs = pairs_of(part)
        codes += _equal_pairs(pairs, len(clips), affordable, bits)
        common = np.repeat(pairs.size > affordable, pairs.size)
        counts += [np.bincount(owner, minlength=len(clips)) for owner in (pairs.owner, pairs.owner[common])]
    found = np.concatenate(codes) + (1 << bits - 1)
    found.sort()
    return found, int((2 * counts[1] > counts[0]).sum()), int((counts[0] < LEAST_PAIRS).sum())


def _candidates(clips: Sequence[Landmarks]) -> pd.DataFrame:
    """Pairs of clips with :data:`LEAST_PAIRS` agreements at one shift: ``first, second, shift`` (frames).

    ``attrs`` is that of :func:`near_duplicates`.
    """
    bits = _shift_bits(clips)
    agreements, unsearched, sparse = _agreements(clips, bits)
    starts = np.flatnonzero(np.diff(agreements, prepend=-1))
    code = agreements[starts]
    count = np.diff(starts, append=len(agreements))
    # The agreements of a shift by half a frame are divided between two neighbouring shifts.
    beside = np.flatnonzero(np.diff(code) == 1)
    pooled = count.copy()
    pooled[beside] += count[beside + 1]
    pooled[beside + 1] += count[beside]
    enough = pooled >= LEAST_PAIRS
    table = pd.DataFrame({"code": code[enough], "pooled": pooled[enough], "count": count[enough]})
    table["first"], table["second"] = divmod(table["code"] // (1 << bits), max(len(clips), 1))
    table["shift"] = table["code"] % (1 << bits) - (1 << bits - 1)
    table = table.sort_values(["pooled", "count"], ascending=False, kind="stable")
    table = table.drop_duplicates(["first", "second"]).sort_values(["first", "second"])
    table.attrs = {UNSEARCHED: unsearched, SPARSE: sparse}
    return table


def likeness(first: Landmarks, second: Landmarks, shift: int) -> float:
    """The share of landmarks of the clip with fewer landmarks that the other clip also has, ``shift`` frames later.

    A difference of one frame and one bin is allowed.
    """
    width = 1 << 10
    places = (first[:, 0].astype(np.int64) + shift) * width + first[:, 1]
    others = second[:, 0].astype(np.int64) * width + second[:, 1]
    others = others[np.searchsorted(others, places[0] - 2 * width) : np.searchsorted(others, places[-1] + 2 * width)]
    near = np.unique(np.add.outer([-width, 0, width], [-1, 0, 1]).ravel()[:, None] + others)
    return float(np.isin(places, near).sum() / min(len(first), len(second)))


def near_duplicates(clips: Sequence[Landmarks], least: float) -> pd.DataFrame:
    """Pairs of clips whose :func:`likeness` is at least ``least``.

    Pairs of landmarks that many clips share are left out; :data:`MOST_MATCHES` decides how many.

    Returns:
        ``first, second`` (positions in ``clips``), ``shift`` (the seconds by which the second is later), ``likeness``.
        ``attrs[UNSEARCHED]`` is the number of clips of which more than half of the pairs of landmarks were left out,
        so that copies of them may be missing. ``attrs[SPARSE]`` is the number of clips with too few pairs to be found.
    """
    pairs = _candidates(clips)
    alike = [min(likeness(clips[i], clips[j], d), 1.0) for i, j, d in pairs[["first", "second", "shift"]].to_numpy()]
    pairs = pairs.assign(likeness=np.array(alike, float), shift=pairs["shift"] * HOP / SAMPLE_RATE)
    return pairs.loc[pairs["likeness"] >= least, ["first", "second", "shift", "likeness"]].reset_index(drop=True)
