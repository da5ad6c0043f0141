"""Front-ends, one module each: :mod:`soundbench.features.settings` says what a front-end has."""

from soundbench.core.registry import Registry

FRONT_ENDS = Registry("soundbench.features.front_ends", key="front_end", function="compute")
