"""Families of models, one module each: :mod:`soundbench.models.registry` says what a family has."""

from soundbench.core.registry import Registry

FAMILIES = Registry("soundbench.models.families", key="family", function="build")
