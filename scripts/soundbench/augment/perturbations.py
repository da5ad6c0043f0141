"""The changes of sound whose effect on scores is measured: each kind as a step of one effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PERTURBATIONS: dict[str, Callable[[float], dict[str, Any]]] = {
    "noise": lambda level: {"effect": "noise", "snr": level, "recordings": None},
    "pitch": lambda level: {"effect": "pitch_shift", "semitones": level},
    "speed": lambda level: {"effect": "time_stretch", "rate": level},
    "low_pass": lambda level: {"effect": "low_pass", "cutoff": level},
}
