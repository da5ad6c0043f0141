"""Effects on training batches, one module each: :mod:`soundbench.augment.batch` says what an effect has."""

from soundbench.core.registry import Registry

BATCH_EFFECTS = Registry("soundbench.augment.batch_effects", key="", function="apply")
