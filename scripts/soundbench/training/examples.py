"""Examples in memory-mapped arrays: batches of whole clips, of random crops, and of the windows of long clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from soundbench.core.microbatches import chunks
from soundbench.core.ragged import FeatureArray, prefetch_clip
from soundbench.features.crops import Crop
from soundbench.features.normalisation import Normalisation
from soundbench.training.device_features import DeviceFeatures


@dataclass(frozen=True)
class Examples:
    """Clips and augmented copies of clips with their targets; their features may be in several arrays.

    ``arrays`` are feature arrays ``(clips, bins, frames)``. ``sources`` and ``rows``, each ``(examples,)``, give the
    array and the row of each example; ``targets`` ``(examples,)`` or ``(examples, outputs)`` gives its target.

    If ``crop`` is given, a model takes so many frames: batches hold crops, or windows that :attr:`windows` lists.
    ``frames`` ``(examples,)`` are then the frames of each example that are no padding.

    ``groups`` ``(examples,)`` are what must not be split, such as speakers; a copy has the group of its clip.

    ``resident`` are the same features on the device that trains; see :meth:`on_device`.
    """

    arrays: tuple[FeatureArray, ...]
    sources: np.ndarray
    rows: np.ndarray
    targets: torch.Tensor
    crop: Crop | None = None
    frames: np.ndarray | None = None
    groups: np.ndarray | None = None
    resident: DeviceFeatures | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __add__(self, other: Examples) -> Examples:
        """These examples, then the ``other`` ones."""
        return Examples(
            self.arrays + other.arrays,
            np.concatenate([self.sources, len(self.arrays) + other.sources]),
            np.concatenate([self.rows, other.rows]),
            torch.cat([self.targets, other.targets]),
            self.crop,
            None if self.frames is None or other.frames is None else np.concatenate([self.frames, other.frames]),
            None if self.groups is None or other.groups is None else np.concatenate([self.groups, other.groups]),
        )

    def on_device(self, device: torch.device) -> Examples:
        """The same examples, with features and targets in the memory of ``device`` if they fit there."""
        resident = DeviceFeatures.of(self.arrays, self.sources, self.rows, device) if len(self) else None
        return replace(self, resident=resident, targets=self.targets.to(device)) if resident else self

    @property
    def shape(self) -> tuple[int, int]:
        """``(bins, frames)`` of every example, as models take it."""
        bins, frames = self.arrays[0].shape[1:]
        return bins, self.crop.frames if self.crop else frames

    @cached_property
    def windows(self) -> tuple[np.ndarray, np.ndarray]:
        """The example and the first frame of each window, both ``(windows,)``: one per example without a ``crop``."""
        if self.crop is None or self.frames is None:
            return np.arange(len(self)), np.zeros(len(self), dtype=int)
        starts = [self.crop.window_starts(int(frames)) for frames in self.frames]
        return np.repeat(np.arange(len(self)), list(map(len, starts))), np.array([at for own in starts for at in own])

    def beginnings(self) -> Examples:
        """The same examples with their first window only."""
        return (
            self
            if self.crop is None or self.frames is None
            else replace(self, frames=self.frames.clip(max=self.crop.frames))
        )

    def random_starts(self, chosen: torch.Tensor, generator: torch.Generator) -> np.ndarray | None:
        """The first frames of random crops of these examples, all that may be drawn equally probable; None without a
        ``crop``. They are negative where a crop begins in the padding before a clip."""
        if self.crop is None or self.frames is None:
            return None
        drawn = torch.rand(len(chosen), generator=generator, dtype=torch.float64).numpy()
        if self.crop.level is None:
            padding = self.crop.padding
            possible = np.maximum(self.frames[chosen.numpy()] + 2 * padding - self.crop.frames, 0) + 1
            return (drawn * possible).astype(int) - padding
        loud = [self._loud_starts[example] for example in chosen.tolist()]
        return np.array([starts[int(share * len(starts))] for share, starts in zip(drawn, loud, strict=True)])

    @cached_property
    def _loud_starts(self) -> list[np.ndarray]:
        """The first frames of the crops of each example that are not too quiet."""
        assert self.crop is not None and self.frames is not None
        examples = zip(self.sources, self.rows, self.frames, strict=True)
        return [self.crop.training_starts(self.arrays[source][row, :, :own]) for source, row, own in examples]

    def features(self, chosen: np.ndarray, starts: np.ndarray | None = None) -> np.ndarray:
        """The stored features ``(chosen, bins, frames)`` of these examples; of crops, from ``starts`` on."""
        sources = self.sources[chosen]
        rows = self.rows[chosen]
        if self.crop is not None:
            return self._crops(sources, rows, np.zeros(len(rows), dtype=int) if starts is None else starts)
        if len(self.arrays) == 1:
            return self.arrays[0][rows]
        features = np.empty((len(rows), *self.shape), self.arrays[0].dtype)
        for number in np.unique(sources):
            in_array = sources == number
            features[in_array] = self.arrays[number][rows[in_array]]
        return features

    def _crops(self, sources: np.ndarray, rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Features ``(rows, bins, crop)``; what an array lacks is padded with the quietest value, as it is stored, or
        before a clip with silence."""
        assert self.crop is not None
        length = self.crop.frames
        silence = self.crop.silence
        features = np.empty((len(rows), *self.shape), self.arrays[0].dtype)
        for place, (source, row, start) in enumerate(zip(sources, rows, starts, strict=True)):
            found = self.arrays[source][row, :, max(start, 0) : start + length]
            first = max(-start, 0)
            last = first + found.shape[1]
            features[place, :, first:last] = found
            features[place, :, last:] = found.min()
            features[place, :, :first] = found.min() if silence is None else silence
        return features

    def prefetched(self, pieces: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Each piece of examples; meanwhile, the system reads the features of the next one from the disk.

        This makes a difference where the features are larger than the memory.
        """
        for number, piece in enumerate(pieces, 1):
            if self.resident is None:
                # A clip has several windows, but is read once.
                for example in pieces[number].unique().tolist() if number < len(pieces) else ():
                    prefetch_clip(self.arrays[self.sources[example]], self.rows[example])
            yield piece

    def batch(
        self,
        chosen: torch.Tensor,
        normalise: Normalisation,
        device: torch.device,
        starts: np.ndarray | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised features ``(batch, 1, bins, frames)`` float32 and targets ``(batch,)``, on ``device``.

        Args:
            starts: the first frames of crops.
        """
        if self.resident is None:
            features = torch.from_numpy(self.features(chosen.numpy(), starts)).to(device)
            targets = self.targets[chosen].to(device)
        else:
            chosen = chosen.to(device, non_blocking=True)
            features = self._resident_features(self.resident, chosen, starts)
            targets = self.targets[chosen]
        return normalise(features.float()).unsqueeze(1), targets

    def _resident_features(
        self, resident: DeviceFeatures, chosen: torch.Tensor, starts: np.ndarray | None
    ) -> torch.Tensor:
        if self.crop is None:
            return resident.whole(chosen)
        begin = torch.zeros_like(chosen) if starts is None else torch.from_numpy(starts).to(chosen.device)
        return resident.crops(chosen, begin, self.crop)

    def window_batches(
        self, size: int, normalise: Normalisation, device: torch.device
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Features and targets of all :attr:`windows` in their order, in batches of at most ``size``."""
        yield from self._batches(torch.arange(len(self.windows[0])), size, normalise, device)

    def mean_over_windows(self, values: torch.Tensor) -> torch.Tensor:
        """The mean ``(examples, outputs)`` of the values ``(windows, outputs)`` of the windows of each example."""
        if self.crop is None:
            return values
        owners = torch.from_numpy(self.windows[0]).to(values.device)
        sums = torch.zeros(len(self), *values.shape[1:], device=values.device).index_add(0, owners, values)
        return sums / torch.bincount(owners, minlength=len(self))[:, None]

    def unaugmented_batches(
        self, size: int, normalise: Normalisation, device: torch.device
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Features and targets of all windows, in batches of at most ``size``, in a fixed random order.

        The order is random because the statistics of a batch of one class differ from those of all clips.
        """
        order = torch.randperm(len(self.windows[0]), generator=torch.Generator().manual_seed(0))
        yield from self._batches(order, size, normalise, device)

    def _batches(
        self, order: torch.Tensor, size: int, normalise: Normalisation, device: torch.device
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Features and targets of windows in this order, in batches of at most ``size``."""
        owners, starts = map(torch.from_numpy, self.windows)
        pieces = chunks(order, size)
        for chosen, examples in zip(pieces, self.prefetched([owners[piece] for piece in pieces]), strict=True):
            yield self.batch(examples, normalise, device, starts[chosen].numpy())

    def outputs(
        self,
        compute: Callable[[torch.Tensor], torch.Tensor],
        size: int,
        normalise: Normalisation,
        device: torch.device,
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """What ``compute`` makes of the features, with the targets, batch by batch; of crops the mean over windows."""
        if self.crop is None:
            for features, targets in self.unaugmented_batches(size, normalise, device):
                yield compute(features), targets
        else:
            found = [compute(features) for features, _ in self.window_batches(size, normalise, device)]
            yield self.mean_over_windows(torch.cat(found)), self.targets.to(device)

    def normalisation(self) -> Normalisation:
        """The mean and the standard deviation of all values of these examples, summed clip by clip in float64.

        Values of crops do not include the padding to the longest clip.
        """
        count = total = squares = 0.0
        for number, (source, row) in enumerate(zip(self.sources, self.rows, strict=True)):
            last = None
            if self.crop is not None and self.frames is not None:
                last = max(self.frames[number], self.crop.frames)
            values = self.arrays[source][row, :, :last].astype(np.float64)
            count += values.size
            total += values.sum()
            squares += np.square(values).sum()
        mean = total / count
        return Normalisation(float(mean), float(max(squares / count - mean**2, 1e-12) ** 0.5))
