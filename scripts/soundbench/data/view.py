"""The entry of a data set in the configuration: a view on a source, as the schema of ``datasets`` describes it."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Split(TypedDict):
    """How the clips of a view are divided; ``folds`` and the ratios depend on the scheme."""

    scheme: str
    protocol: Literal["nested", "literature"]
    folds: int
    parts: NotRequired[list[int]]  # of the scheme `crossed`: one number per column of `group`
    crossing_groups: NotRequired[list[str]]
    duplicates: NotRequired[str]
    test_ratio: NotRequired[float]
    val_ratio: NotRequired[float]


class AugmentationRule(TypedDict):
    """Which training clips of a view get copies, of which variants, and how many."""

    variants: list[str]
    labels: list[str] | None
    values: NotRequired[dict[str, list[float]] | None]
    copies: int | None
    balance: bool


class AuditLimits(TypedDict):
    """The limits beyond which the audit reports a clip."""

    silent: float
    clipped: float
    short: float
    long: float
    near_duplicate: float


class View(TypedDict):
    """Which clips of a source a data set takes, with which labels, and how they are divided."""

    source: str
    task: NotRequired[str]
    split: Split
    augment: NotRequired[list[AugmentationRule]]
    audit: NotRequired[AuditLimits]
    keep: NotRequired[list[str]]
    drop: NotRequired[list[str]]
    merge: NotRequired[dict[str, list[str]]]
    group: NotRequired[list[str]]
    values: NotRequired[list[str]]
    thresholds: NotRequired[Literal["one", "each"]]
    limit: NotRequired[dict[str, int]]  # soundbench.data.training_sizes has resolved a list of numbers
