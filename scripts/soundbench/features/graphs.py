"""What front-ends need to be part of an ONNX file: their operations are others there, and their values the same.

ONNX has no Fourier transform that every runtime knows. That of windowed frames is a convolution with its sines and
cosines. The length of the clip is not known when the graph is written, so masks do what cutting does elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import conv1d, pad

Framed = tuple[torch.Tensor, torch.Tensor | None]


class FrameGraph(nn.Module):
    """A front-end: ``(batch, samples)`` to ``(batch, bins, frames)``, and which frames are the clip's own (None: all).

    Args:
        function: takes the samples and the ``tensors`` by name.
        tensors: filters and kernels, which become part of the file.
    """

    def __init__(self, function: Callable[..., Framed], tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.function = function
        self.names = list(tensors)
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)

    def forward(self, samples: torch.Tensor) -> Framed:
        return self.function(samples, **{name: getattr(self, name) for name in self.names})


def fourier_kernel(frames: torch.Tensor, n_fft: int) -> torch.Tensor:
    """The transform of linear ``frames`` ``(window, window)``, column t the frame of an impulse at sample t.

    Returns:
        ``(2 × bins, 1, window)`` float32: the real parts, then the imaginary ones.
    """
    spectrum = torch.fft.rfft(frames.double(), n_fft, dim=0)
    return torch.cat([spectrum.real, spectrum.imag]).unsqueeze(1).float()


def power_spectrum(samples: torch.Tensor, kernel: torch.Tensor, hop: int) -> torch.Tensor:
    """Squared magnitudes ``(batch, bins, frames)`` of ``(batch, samples)``."""
    real, imaginary = conv1d(samples.unsqueeze(1), kernel, stride=hop).chunk(2, dim=1)
    return real.square() + imaginary.square()


def framed(samples: torch.Tensor, n_fft: int, hop: int, frames: int | None, kept: int | None) -> Framed:
    """The samples padded for centred frames, and which of their frames are the clip's own: ``(frames,)``.

    Args:
        frames: how many there are to be; None: as many as the clip has.
        kept: samples that the clip is cropped to; None: all.
    """
    left = n_fft // 2
    if frames is None:
        return pad(samples, (left, left)), None
    length = (frames - 1) * hop + n_fft
    padded = pad(samples, (left, length))[:, :length]
    ends = torch.arange(frames, device=samples.device) * hop + n_fft - 2 * left
    own = ends <= samples.shape[1]
    if kept is not None:
        padded = padded * (torch.arange(length, device=samples.device) < left + kept)
        own = own & (ends <= kept)
    return padded, own
