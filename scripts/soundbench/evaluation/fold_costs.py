"""What the training of a fold cost, as the records of runs and of ensembles say."""

from __future__ import annotations

from typing import Any

COSTS = ("cpu_seconds", "gpu_seconds", "megabytes")  # of a fold, which are no scores


def gpu_seconds(fold: dict[str, Any]) -> float:
    """The seconds that the training of a fold held a GPU.

    Only ensembles have them in their records: their members may be trained on several kinds of devices.
    """
    on_cpu = fold["device"].startswith("cpu")
    return float(fold.get("gpu_seconds", 0.0 if on_cpu else fold["train_seconds"]))
