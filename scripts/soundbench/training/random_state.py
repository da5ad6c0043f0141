"""The states of the random numbers that augmentation and dropout draw from."""

from __future__ import annotations

import torch


def random_state(generator: torch.Generator, device: torch.device) -> list[torch.Tensor]:
    """The states of ``generator``, of torch's own random numbers and, on a GPU, of those of ``device``."""
    cuda = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
    return [generator.get_state(), torch.get_rng_state(), *cuda]


def restore_random_state(state: list[torch.Tensor], generator: torch.Generator, device: torch.device) -> None:
    """Restore what :func:`random_state` returned."""
    generator.set_state(state[0])
    torch.set_rng_state(state[1])
    if len(state) > 2:
        torch.cuda.set_rng_state(state[2], device)
