"""Synthetic environmental sounds, so that the benchmark runs without network and data.

Each class is a small stochastic model of a sound. A *recording* draws the traits that its takes share (pitch, tempo,
the colour and level of the background, the room's resonances); a *take* draws timing and level anew. Takes of one
recording are therefore alike, as in real collections, and form a group that must not be split. Classes overlap in
their mean spectra on purpose and differ in how sound changes over time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import scipy  # it imports scipy.signal, which takes a second, where clips are made and not where they are read

from soundbench.data.audio import write_audio

SETTINGS = {
    "seed": {
        "description": "Seed of the clips. It decides every sample of every clip.",
        "type": "integer",
        "minimum": 0,
        "default": 0,
    },
    "classes": {"description": "Number of classes.", "type": "integer", "minimum": 2, "maximum": 12, "default": 12},
    "recordings": {
        "description": "Recordings per class and fold.",
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 2,
    },
    "takes": {"description": "Clips per recording.", "type": "integer", "minimum": 1, "default": 2},
    "seconds": {"description": "Length of a clip (s).", "type": "number", "exclusiveMinimum": 0.2, "default": 1},
    "sample_rate": {"description": "Sample rate (Hz).", "type": "integer", "minimum": 8000, "default": 22050},
}

FOLDS = 5
TABLE = "clips.csv"

Sound = Callable[["Recording", np.random.Generator], np.ndarray]


class Recording:
    """The traits that the takes of one recording share, and the tools to render a take of ``samples``."""

    def __init__(self, rng: np.random.Generator, seconds: float, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.samples = round(seconds * sample_rate)
        self.time = np.arange(self.samples) / sample_rate  # s
        self.pitch = float(np.exp(rng.uniform(np.log(250), np.log(1600))))  # Hz
        self.tempo = float(np.exp(rng.uniform(np.log(3), np.log(9))))  # events a second
        self.texture = float(np.exp(rng.uniform(np.log(600), np.log(4000))))  # Hz, centre of noise bands
        self.resonances = np.exp(rng.uniform(np.log(200), np.log(6000), size=3))  # Hz
        self.gains = rng.uniform(0.3, 1.5, size=3)
        self.background_pole = rng.uniform(0.0, 0.97)
        self.background_level = 10 ** (rng.uniform(-22, -2) / 20)

    def noise_band(self, rng: np.random.Generator, centre: float, octaves: float) -> np.ndarray:
        """White noise through a band-pass around ``centre`` Hz, unit standard deviation."""
        top = 0.45 * self.sample_rate
        low, high = np.clip([centre * 2 ** (-octaves / 2), centre * 2 ** (octaves / 2)], 30, top)
        sections = scipy.signal.butter(2, [min(low, 0.8 * top), high], "bandpass", fs=self.sample_rate, output="sos")
        return _unit(scipy.signal.sosfilt(sections, rng.standard_normal(self.samples)))

    def events(self, times: np.ndarray, decay: float, attack: float = 0.002) -> np.ndarray:
        """An envelope that rises within ``attack`` s at each of ``times`` (s) and falls by 1/e in ``decay`` s."""
        envelope = np.zeros(self.samples)
        for time in times:
            first = np.searchsorted(self.time, time)
            since = self.time[first:] - time
            envelope[first:] += np.minimum(since / attack, 1) * np.exp(-since / decay)
        return envelope

    def regular(self, rng: np.random.Generator, rate: float, jitter: float = 0.02) -> np.ndarray:
        """Times (s) of ``rate`` events a second from a random start, each off by ``jitter`` of the period."""
        times = np.arange(rng.uniform(0, min(1 / rate, self.time[-1])), self.time[-1], 1 / rate)
        return times + rng.normal(0, jitter / rate, size=times.shape)

    def scattered(self, rng: np.random.Generator, rate: float) -> np.ndarray:
        """Times (s) of a Poisson process with ``rate`` events a second, at least one."""
        return rng.uniform(0, self.time[-1], size=max(1, rng.poisson(rate * self.time[-1])))

    def tone(self, frequency: np.ndarray | float, harmonics: int = 1) -> np.ndarray:
        """A harmonic tone whose fundamental follows ``frequency`` (Hz); the n-th partial has level 1/n."""
        phase = 2 * np.pi * np.cumsum(np.broadcast_to(frequency, self.samples)) / self.sample_rate
        return sum((np.sin(n * phase) / n for n in range(1, harmonics + 1)), np.zeros(self.samples))

    def finish(self, sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Add the resonances and the background of the recording, at a random level."""
        for frequency, gain in zip(self.resonances, self.gains, strict=True):
            angle = 2 * np.pi * min(frequency / self.sample_rate, 0.45)
            sound = sound + gain * 0.1 * scipy.signal.lfilter([1], [1, -1.9 * np.cos(angle), 0.9025], sound)
        background = scipy.signal.lfilter([1], [1, -self.background_pole], rng.standard_normal(self.samples))
        mixed = _unit(sound) + self.background_level * _unit(background)
        return mixed / np.abs(mixed).max() * rng.uniform(0.3, 0.95)


def _unit(sound: np.ndarray) -> np.ndarray:
    return sound / (sound.std() + 1e-12)


def _rain(r: Recording, rng: np.random.Generator) -> np.ndarray:
    drops = r.events(r.scattered(rng, 25 * r.tempo), 0.004, 0.0005)
    return r.noise_band(rng, r.texture, 3) * (0.35 + drops)


def _wind(r: Recording, rng: np.random.Generator) -> np.ndarray:
    gusts = 1.2 + np.sin(2 * np.pi * rng.uniform(0.4, 0.9) * r.time + rng.uniform(0, 2 * np.pi))
    return r.noise_band(rng, r.texture, 2) * gusts


def _helicopter(r: Recording, rng: np.random.Generator) -> np.ndarray:
    return r.noise_band(rng, r.texture, 2) * r.events(r.regular(rng, 2 * r.tempo), 0.03, 0.01)


def _footsteps(r: Recording, rng: np.random.Generator) -> np.ndarray:
    return r.noise_band(rng, r.texture, 2) * r.events(r.regular(rng, r.tempo / 2, 0.08), 0.05, 0.005)


def _clock(r: Recording, rng: np.random.Generator) -> np.ndarray:
    return r.noise_band(rng, 1.5 * r.texture, 1) * r.events(r.regular(rng, r.tempo), 0.006, 0.0005)


def _water_drops(r: Recording, rng: np.random.Generator) -> np.ndarray:
    times = r.scattered(rng, r.tempo)
    pitches = r.pitch * rng.uniform(0.7, 1.6, size=times.shape)
    since = r.time[None, :] - times[:, None]
    sweep = np.cumsum(pitches[:, None] * (1 + 6 * np.clip(since, 0, 0.1)), axis=1) / r.sample_rate
    return (np.sin(2 * np.pi * sweep) * (since > 0) * np.exp(-np.clip(since, 0, None) / 0.04)).sum(axis=0)


def _siren(r: Recording, rng: np.random.Generator) -> np.ndarray:
    swing = np.sin(2 * np.pi * r.tempo / 4 * r.time + rng.uniform(0, 2 * np.pi))
    return r.tone(r.pitch * 2 ** (0.4 * swing), 4)


def _alarm(r: Recording, rng: np.random.Generator) -> np.ndarray:
    phase = (r.time * r.tempo + rng.uniform()) % 1
    return r.tone(r.pitch, 4) * np.clip(40 * np.minimum(phase, 0.5 - phase), 0, 1)


def _bird(r: Recording, rng: np.random.Generator) -> np.ndarray:
    times = r.regular(rng, r.tempo / 1.5, 0.15)
    since = np.min(np.where(r.time >= times[:, None], r.time - times[:, None], np.inf), axis=0, initial=1.0)
    return r.tone(r.pitch * (1 + 5 * np.clip(since, 0, 0.12)), 2) * np.exp(-since / 0.06)


def _engine(r: Recording, rng: np.random.Generator) -> np.ndarray:
    drift = 1 + 0.05 * np.sin(2 * np.pi * rng.uniform(0.2, 0.6) * r.time)
    return r.tone(r.pitch / 10 * drift, 30) + 0.4 * r.noise_band(rng, r.texture, 2)


def _dog(r: Recording, rng: np.random.Generator) -> np.ndarray:
    times = r.regular(rng, r.tempo / 2.5, 0.15)
    envelope = r.events(times, 0.07, 0.015)
    return (
        r.tone(r.pitch * (0.7 + 0.5 * envelope / envelope.max()), 8) + 0.3 * r.noise_band(rng, r.texture, 2)
    ) * envelope


def _insects(r: Recording, rng: np.random.Generator) -> np.ndarray:
    trill = r.events(r.regular(rng, 6 * r.tempo, 0.03), 0.008, 0.003)
    return r.noise_band(rng, 2.2 * r.pitch, 0.15) * trill


SOUNDS: dict[str, Sound] = {
    "alarm": _alarm,
    "bird": _bird,
    "clock": _clock,
    "dog": _dog,
    "engine": _engine,
    "footsteps": _footsteps,
    "helicopter": _helicopter,
    "insects": _insects,
    "rain": _rain,
    "siren": _siren,
    "water_drops": _water_drops,
    "wind": _wind,
}


def fetch(
    target: Path, *, seed: int, classes: int, recordings: int, takes: int, seconds: float, sample_rate: int
) -> None:
    """Write the clips as WAV files below ``target/audio`` and their table to ``target/clips.csv``.

    Args:
        recordings: recordings a class and fold.
        takes: clips a recording.
    """
    (target / "audio").mkdir(parents=True, exist_ok=True)
    rows = []
    for label in sorted(SOUNDS)[:classes]:
        for fold in range(1, FOLDS + 1):
            for number in range(recordings):
                # The stream depends on the names alone: more classes or recordings leave these clips as they are.
                stream = np.random.default_rng([seed, sorted(SOUNDS).index(label), fold, number])
                recording = Recording(stream, seconds, sample_rate)
                group = f"{label}-{fold}{number:02d}"
                for take in range(takes):
                    name = f"audio/{group}-{take}.wav"
                    write_audio(target / name, recording.finish(SOUNDS[label](recording, stream), stream), sample_rate)
                    rows.append((name, label, group, fold))
    pd.DataFrame(rows, columns=["path", "label", "group", "fold"]).to_csv(target / TABLE, index=False)


def read(root: Path, **_: object) -> pd.DataFrame:
    """The clips that :func:`fetch` wrote; the group is the recording."""
    clips = pd.read_csv(root / TABLE)
    names = clips["path"]
    return clips.assign(clip=[Path(name).stem for name in names], path=[str(root / name) for name in names])
