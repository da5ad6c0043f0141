"""Augmented copies of clips: waveform effects, and variants that chain them.

An effect is a module of ``effects`` with ``apply(samples, sample_rate, rng, **amounts) -> samples``. ``SETTINGS``
describes the amounts. ``RANDOM = True`` states that the effect also draws other random numbers. A variant in
``config/augmentations.yaml`` is a list of steps; each step is an effect with its amounts.
"""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soundbench.augment.effects import EFFECTS
from soundbench.core.errors import InputError
from soundbench.core.storage import atomic_folder, read_clip_table, write_csv
from soundbench.data.audio import read_mono, write_audio
from soundbench.data.copies import copy_name, required_copies
from soundbench.data.shards import shard_rows
from soundbench.data.subsets import named_groups, view_clips
from soundbench.data.view import View

logger = logging.getLogger(__name__)

Steps = list[dict[str, Any]]
Generator = np.random.Generator


def is_random(steps: Steps) -> bool:
    """Whether copies of a variant differ from each other: an effect is random, or draws an amount from a range."""
    has_range = any(isinstance(value, list) for step in steps for value in step.values())
    return has_range or any(EFFECTS.constant(step["effect"], "RANDOM", False) for step in steps)


def copy_generator(seed: int, variant: str, clip: str, copy: int) -> Generator:
    """The random numbers of one copy; they depend on its name alone, not on other copies or on the order."""
    digest = hashlib.sha256(f"{seed}/{variant}/{clip}/{copy}".encode()).digest()
    return np.random.default_rng(list(digest))


def apply_steps(
    samples: np.ndarray, sample_rate: int, steps: Steps, rng: Generator, clip: str = "the clip"
) -> np.ndarray:
    """Apply the effects of a variant one after the other; an amount that is a range is drawn from it.

    Args:
        samples: ``(samples,)`` float32 in [-1, 1] at ``sample_rate`` Hz.
        clip: its name or path, for messages.

    Returns:
        ``(samples,)`` float32 in [-1, 1]; a copy with larger values is scaled down to this range.

    Raises:
        InputError: the clip is so short that no sample of it is left, or no noise was found for it.
    """
    length = len(samples)
    for step in steps:
        amounts: dict[str, Any] = {
            key: rng.uniform(*value) if isinstance(value, list) else value for key, value in step.items()
        }
        name = amounts.pop("effect")
        samples = EFFECTS.load(name).apply(samples, sample_rate, rng, **amounts).astype(np.float32, copy=False)
        if not len(samples):
            raise InputError(f"{clip}: no sample is left after the effect {name}; remove this clip of {length} samples")
    return samples / max(1.0, float(np.abs(samples).max()))


def _write_copy(
    folder: Path, variant: str, settings: dict[str, Any], job: tuple[str, str, int]
) -> tuple[float, int, str | None]:
    """Write one copy; returns its length (s), its sample rate (Hz) and its problem, if there is one."""
    clip, path, copy = job
    try:
        samples, sample_rate = read_mono(path)
        if not np.isfinite(samples).all():
            return 0.0, 0, f"{path}: holds samples that are not finite"
        rng = copy_generator(settings["seed"], variant, clip, copy)
        samples = apply_steps(samples, sample_rate, settings["steps"], rng, path)
    except InputError as error:
        return 0.0, 0, str(error)
    write_audio(folder / f"{copy_name(clip, variant, copy)}.flac", samples, sample_rate)
    return len(samples) / sample_rate, sample_rate, None


def _views_with_clips(source: pd.DataFrame, views: list[View]) -> list[tuple[pd.DataFrame, Any]]:
    pairs = []
    for view in views:
        try:
            pairs.append((view_clips(source, view), view["augment"]))
        except InputError as error:
            # If this view is selected, the job that splits it reports the error.
            logger.info("skipped a view that augments this source: %s", error)
    return pairs


def augment_clips(
    clips: str | Path,
    variant: str,
    settings: dict[str, Any],
    views: list[View],
    table: str | Path,
    folder: str | Path,
    threads: int,
    shard: str | None = None,
) -> None:
    """Write the copies of one variant that the views request, and their table.

    Args:
        clips: the source's clip table.
        settings: the variant's entry in ``augmentations.yaml``; :data:`ORIGINAL` has no steps.
        views: the views on the source whose rules name the variant, or any of them for :data:`ORIGINAL`.
        table: ``clip, copy, file, path, label, seconds, sample_rate``; ``clip`` is the parent.
        folder: the output folder for ``<clip>_<variant>.flac``, 16 bit, one channel, at the parent's sample rate.
        shard: the name of a part of the copies; None for all.

    Raises:
        InputError: naming all clips that cannot be read.
    """
    source = read_clip_table(clips, {name for view in views for name in named_groups(view)})
    copies = required_copies(_views_with_clips(source, views), variant, is_random(settings["steps"]))
    copies = copies[shard_rows(shard, len(copies))].merge(source[["clip", "path", "label"]], on="clip")
    with atomic_folder(folder) as temporary, ThreadPoolExecutor(threads) as pool:
        jobs = copies[["clip", "path", "copy"]].itertuples(index=False, name=None)
        written = list(pool.map(partial(_write_copy, temporary, variant, settings), jobs))
        if problems := [problem for _, _, problem in written if problem]:
            raise InputError(problems, f"{len(problems)} of {len(copies)} copies cannot be made:")
    names = zip(copies["clip"], copies["copy"], strict=True)
    files = [f"{copy_name(clip, variant, copy)}.flac" for clip, copy in names]
    index = copies[["clip", "copy"]].assign(file=files, path=[str(Path(folder) / file) for file in files])
    lengths = {"seconds": [seconds for seconds, _, _ in written], "sample_rate": [rate for _, rate, _ in written]}
    write_csv(table, index.assign(label=copies["label"], **lengths))
    logger.info("%s: %d copies of %d clips", variant, len(index), index["clip"].nunique())
