"""Warnings about options of the command line that replace settings of a profile, given before jobs start."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

logger = logging.getLogger("snakemake.logging")  # Snakemake's own

Block = Mapping[str, Any]
SAME = {"gpu": "gres", "gres": "gpu"}  # two ways to request a GPU


def warn_of_replaced_blocks(arguments: Sequence[str], settings: Any) -> None:
    """Warn if an option removes requests of the profiles in use.

    An option replaces the whole block of that name, for all rules: after ``--set-resources train_model:runtime=600``
    no job has a GPU.

    Args:
        arguments: the command line, which names the profiles.
        settings: Snakemake's resource settings, in which options have replaced blocks.
    """
    from snakemake.cli import get_profile_dir

    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", action="append")
    named = parser.parse_known_args(arguments)[0].profile or [os.environ.get("SNAKEMAKE_PROFILE", "none")]
    for found in map(get_profile_dir, named):
        if found is None:
            continue
        profile = yaml.safe_load(found[1].read_text()) or {}
        rules = profile.get("set-resources", {}) | {"": profile.get("default-resources", {})}
        kept = dict(settings.overwrite_resources) | {"": settings.default_resources or {}}
        if lost := list(lost_requests(rules, kept)):
            logger.warning(
                f"An option or a second profile has replaced a whole block of {found[1]}. Jobs now lack "
                f"{'; '.join(lost)}. Repeat these in the option, or change the lines in the profile or in a copy of it."
            )


def lost_requests(asked: Mapping[str, Block], kept: Mapping[str, Block]) -> Iterator[str]:
    """The requests that rules ``asked`` for and have not ``kept``; the rule ``""`` means all rules."""
    for rule, block in asked.items():
        left = kept.get(rule, {})
        lost = [f"{name}={value}" for name, value in block.items() if not {name, SAME.get(name)} & set(left)]
        if lost:
            yield f"{rule or 'all rules'}: {', '.join(lost)}"
