"""Effects on the samples of a clip, one module each: :mod:`soundbench.augment.waveform` says what an effect has."""

from soundbench.core.registry import Registry

EFFECTS = Registry("soundbench.augment.effects", key="effect", function="apply")

AMOUNT = {"type": ["number", "array"], "minItems": 2, "maxItems": 2}  # a number, or a range to draw it from
