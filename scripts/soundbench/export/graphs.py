"""Front-ends as networks: the same features as :mod:`soundbench.features.frontends`, from operations that ONNX has.

A Fourier transform of windowed frames is a convolution with its sines and cosines; Kaldi's per-frame steps are linear
as well and go into the same kernel. Everything after it follows ``soundbench.features.frontends`` line by line,
with masks where that cuts, since the length of the sound is not known when the graph is written.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import conv1d, interpolate, pad

from soundbench.features.frontends import FLOOR
from soundbench.features.normalisation import Normalisation
from soundbench.features.settings import AST_HOP, AST_WINDOW, Settings, frame_count
from soundbench.tasks.task import Task

KALDI_LOW = 20.0  # Hz: the lower edge of Kaldi's lowest filter
PREEMPHASIS = 0.97


def _fourier_kernel(frames: torch.Tensor, n_fft: int) -> torch.Tensor:
    """The transform of linear ``frames`` ``(window, window)``, column t the frame of an impulse at sample t.

    Returns:
        ``(2 × bins, 1, window)`` float32: the real parts, then the imaginary ones.
    """
    spectrum = torch.fft.rfft(frames.double(), n_fft, dim=0)
    return torch.cat([spectrum.real, spectrum.imag]).unsqueeze(1).float()


def _power(samples: torch.Tensor, kernel: torch.Tensor, hop: int) -> torch.Tensor:
    """Squared magnitudes ``(batch, bins, frames)`` of ``(batch, samples)``."""
    real, imaginary = conv1d(samples.unsqueeze(1), kernel, stride=hop).chunk(2, dim=1)
    return real.square() + imaginary.square()


class LogMel(nn.Module):
    """``features.log_mel``, and the cosine transform after it for ``features.mfcc``.

    Args:
        frames: how many there are to be; None: as many as the sound has.
    """

    kernel: torch.Tensor
    filters: torch.Tensor
    cosines: torch.Tensor | None

    def __init__(self, settings: Settings, sample_rate: int, frames: int | None) -> None:
        from torchaudio.functional import create_dct, melscale_fbanks

        super().__init__()
        self.settings, self.frames, self.n_fft = settings, frames, settings["n_fft"]
        self.left, self.hop = self.n_fft // 2, settings["hop_length"]
        window = torch.hann_window(settings["win_length"] or self.n_fft)
        before = (self.n_fft - len(window)) // 2
        window = pad(window, (before, self.n_fft - len(window) - before))
        self.register_buffer("kernel", _fourier_kernel(torch.diag(window), self.n_fft))
        fmax = settings["fmax"] or sample_rate / 2
        mels = (settings["fmin"], fmax, settings["n_mels"], sample_rate)
        filters = melscale_fbanks(self.n_fft // 2 + 1, *mels, norm="slaney", mel_scale="slaney")
        self.register_buffer("filters", filters.T.contiguous())
        cosines = create_dct(settings["n_mfcc"], settings["n_mels"], norm="ortho").T if "n_mfcc" in settings else None
        self.register_buffer("cosines", cosines)
        duration = settings["duration"]
        self.kept = round(duration * sample_rate) if duration else None

    def _framed(self, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The padded samples, and which of their frames are the sound's own: ``(frames,)``."""
        if self.frames is None:
            return pad(samples, (self.left, self.left)), None
        length = (self.frames - 1) * self.hop + self.n_fft
        padded = pad(samples, (self.left, length))[:, :length]
        ends = torch.arange(self.frames, device=samples.device) * self.hop + self.n_fft - 2 * self.left
        own = ends <= samples.shape[1]
        if self.kept is not None:
            padded = padded * (torch.arange(length, device=samples.device) < self.left + self.kept)
            own = own & (ends <= self.kept)
        return padded, own

    def forward(self, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """``(batch, samples)`` to ``(batch, bins, frames)``, and which frames are the sound's own."""
        padded, own = self._framed(samples)
        power, scale = self.settings["power"], self.settings["scale"]
        magnitudes = _power(padded, self.kernel, self.hop)
        mels = self.filters @ (magnitudes if power == 2 else magnitudes.pow(power / 2))
        if scale == "log1p":
            scaled = mels.log1p()
        else:
            mels = mels.clamp(min=FLOOR ** (power / 2))
            scaled = mels.log10() * (20 / power) if scale == "db" else mels.log()
        return (scaled if self.cosines is None else self.cosines @ scaled), own


class KaldiFilterBank(nn.Module):
    """``features.ast_filter_bank``: per frame, the mean is taken off, then pre-emphasis, Hann's window, log mel."""

    kernel: torch.Tensor
    filters: torch.Tensor

    def __init__(self, settings: Settings, sample_rate: int, frames: int | None) -> None:
        from torchaudio.compliance.kaldi import get_mel_banks

        super().__init__()
        self.frames, n_fft = settings["frames"], 512  # the power of two above the window
        steps = torch.eye(AST_WINDOW, dtype=torch.float64)
        steps = steps - steps.mean(dim=0)
        steps = steps - PREEMPHASIS * torch.cat([steps[:1], steps[:-1]])
        steps = steps * torch.hann_window(AST_WINDOW, periodic=False, dtype=torch.float64)[:, None]
        self.register_buffer("kernel", _fourier_kernel(steps, n_fft))
        filters, _ = get_mel_banks(settings["n_mels"], n_fft, sample_rate, KALDI_LOW, 0.0, 100.0, -500.0, 1.0)
        self.register_buffer("filters", pad(filters, (0, 1)))

    def forward(self, samples: torch.Tensor) -> tuple[torch.Tensor, None]:
        """``(batch, samples)`` to ``(batch, mels, frames)``; frames beyond the sound are zero, and count as its own."""
        length = (self.frames - 1) * AST_HOP + AST_WINDOW
        mels = self.filters @ _power(pad(samples, (0, length))[:, :length], self.kernel, AST_HOP)
        starts = torch.arange(self.frames, device=samples.device) * AST_HOP
        # What is shorter than a window is padded to one.
        heard = (starts + AST_WINDOW <= samples.shape[1]) | (starts == 0)
        return mels.clamp(min=torch.finfo(torch.float32).eps).log() * heard, None


GRAPHS: dict[str, Callable[[Settings, int, int | None], nn.Module]] = {
    "ast": KaldiFilterBank,
    "logmel": LogMel,
    "mfcc": LogMel,
}


def _stretched(features: torch.Tensor, frames: int) -> torch.Tensor:
    """Resize the last axis to ``frames``, bilinear with antialiasing, whatever its length is.

    The weights of torch's ``interpolate`` as a matrix: triangles as wide as the larger of the two spacings.
    """
    ones = torch.ones_like(features[0, 0])
    scale = ones.sum() / frames
    offsets = (ones.cumsum(0) - 0.5)[:, None] - (torch.arange(frames, device=features.device) + 0.5) * scale
    weights = (1 - offsets.abs() / scale.clamp(min=1)).clamp(min=0)
    return features @ (weights / weights.sum(dim=0))


class FeatureGraph(nn.Module):
    """From samples to what is stored of a clip: the front-end, then ``features.fixed_size``, rounded to float16.

    Args:
        sample_rate: of the samples (Hz).
        shape: ``(bins, frames)`` of the features.
    """

    def __init__(self, settings: Settings, sample_rate: int, shape: tuple[int, int]) -> None:
        super().__init__()
        self.by_clip, self.size = settings["normalise"] == "clip", settings.get("resize")
        self.own_length = self.size is not None and not settings["duration"]
        self.frames = shape[1]
        frames = None if self.own_length else self._unresized(settings, sample_rate)
        self.front_end = GRAPHS[settings["front_end"]](settings, sample_rate, frames)
        if self.size is not None:
            bins = settings["n_mfcc"] if "n_mfcc" in settings else settings["n_mels"]
            self.register_buffer("rows", _resizing(bins, self.size[0]))
            if frames is not None:
                self.register_buffer("columns", _resizing(frames, self.size[1]).T.contiguous())

    def _unresized(self, settings: Settings, sample_rate: int) -> int:
        return self.frames if self.size is None else frame_count(settings["duration"], sample_rate, settings)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """``(batch, samples)`` to ``(batch, bins, frames)``."""
        features, own = self.front_end(samples)
        own = torch.ones_like(features[0, 0], dtype=torch.bool) if own is None else own
        if self.by_clip:
            features = _normalised(features, own)
        quietest = features.where(own, torch.inf).amin(dim=(1, 2), keepdim=True)
        features = features.where(own, quietest)
        if self.size is not None:
            features = self.rows @ features
            features = _stretched(features, self.size[1]) if self.own_length else features @ self.columns
        return features.half().float()


def _normalised(features: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Each clip to zero mean and unit deviation over its own frames."""
    count = own.sum() * features.shape[1]
    mean = (features * own).sum(dim=(1, 2), keepdim=True) / count
    variance = ((features - mean).square() * own).sum(dim=(1, 2), keepdim=True) / count
    return (features - mean) / variance.sqrt().clamp(min=1e-5)


def _resizing(before: int, after: int) -> torch.Tensor:
    """The matrix ``(after, before)`` of a bilinear resizing with antialiasing."""
    return interpolate(torch.eye(before)[None, None], (after, before), mode="bilinear", antialias=True)[0, 0]


class Classifier(nn.Module):
    """A trained network with all that stands around it: features, or samples where ``features`` makes these, to
    probabilities."""

    def __init__(self, network: nn.Module, normalise: Normalisation, features: nn.Module | None, task: Task) -> None:
        super().__init__()
        self.network, self.normalise, self.features, self.task = network, normalise, features, task

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """``(batch, samples)``, or ``(batch, bins, frames)``, to ``(batch, classes)``."""
        features = sound if self.features is None else self.features(sound)
        return self.task.activate(self.network(self.normalise(features).unsqueeze(1)))


def has_graph(settings: Settings) -> bool:
    """Whether a front-end can be put into a graph."""
    return settings["front_end"] in GRAPHS
