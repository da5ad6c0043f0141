"""A study of the user's recordings, from their folder or table: the command ``soundbench-new``."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from soundbench.config.checks import name_problem
from soundbench.config.guesses import LEAST_GROUPS
from soundbench.config.listing import library_entries
from soundbench.config.own_recordings import Roles, Source, guess_source
from soundbench.core.errors import InputError
from soundbench.core.storage import write_text
from soundbench.core.text import shortened_list, spoken_list
from soundbench.data.files import is_plain
from soundbench.data.index import read_clips

MOST_FOLDS = 5
DESCRIPTION = """\
Write a study of your own recordings.

The labels, the groups that must not be split and the folds are guessed from folders, from file names or from the
columns of a table. The guesses are printed, and the study names them in comments. Nothing is trained."""
TEMPLATE = """\
# {count} recordings, {labels} labels. These are guesses: compare them with your recordings before you start.
{guesses}
# config/README.md lists every key. Start from the folder of soundbench with
#   {command}
sources:
  {name}:{source}

datasets:
  {name}:
    source: {name}{dropped}
    # nested: one fold tests, another chooses the epoch, the others train.
    split: {split}

benchmark:
  datasets: [{name}]
  # soundbench-list models names all models. The first two are quick: the shares of labels, and the mean of three ridge
  # regressions.
  models: [majority, ridges, cnn]
  seeds: [1, 2, 3]  # each seed repeats all trainings; the report shows the spread

# Everything of this study is kept in one folder.
pathvars: {{results: results/{name}}}
"""


def new_study(recordings: Path, name: str, output: Path) -> str:
    """Write the overlay of a study of these recordings, and return what was guessed, for the terminal.

    Raises:
        InputError: the recordings cannot be read, or too few labels have enough groups to be split.
    """
    _check_names(recordings, name, output)
    source, roles, unused = guess_source(recordings)
    clips = read_clips(source, source["root"])
    rare = _rare_labels(clips, roles)
    guesses = _guesses(clips, roles, rare, unused)
    command = f"snakemake --cores all --configfile {shlex.quote(str(output))}"
    kept = clips[~clips["label"].isin(rare)]
    text = TEMPLATE.format(
        count=len(clips),
        labels=clips["label"].nunique(),
        guesses="\n".join(f"# - {guess}" for guess in guesses),
        command=command,
        name=name,
        source=_block(source, 4),
        dropped=f"\n    drop: {_inline(rare)}  # too few {_units(roles)} to split" if rare else "",
        split=_inline(_split(kept, roles)),
    )
    write_text(output, text)
    lines = [f"{recordings}: {len(clips)} recordings", *(f"  {guess}" for guess in guesses)]
    return "\n".join(
        [
            *lines,
            "",
            f"The study is in {output}. Compare these guesses with your recordings, then start",
            f"  {command}",
        ]
    )


def _check_names(recordings: Path, name: str, output: Path) -> None:
    problems = []
    if problem := name_problem("sources", name):
        problems.append(f"--name {name}: {problem}")
    if name in library_entries("datasets.yaml", "sources") | library_entries("datasets.yaml", "datasets"):
        problems.append(f"--name: the library has {name} already; choose another name")
    if not recordings.exists():
        problems.append(f"{recordings}: does not exist")
    elif not is_plain(str(recordings)):
        problems.append(f"{recordings}: holds one of {{ }} < >, which Snakemake reads as wildcards; rename the folder")
    if output.exists():
        problems.append(f"{output}: exists already; remove it, or choose another file with --output")
    if problems:
        raise InputError(problems)


def _units(roles: Roles) -> str:
    return "groups" if "group" in roles else "clips"


def _rare_labels(clips: pd.DataFrame, roles: Roles) -> list[str]:
    """The labels with too few groups for folds that are drawn.

    Raises:
        InputError: fewer than two labels are left.
    """
    if {"part", "fold"} & roles.keys():
        return []
    groups = clips.groupby("label")["group"].nunique()
    rare = sorted(groups.index[groups < LEAST_GROUPS])
    if len(groups) - len(rare) < 2:
        raise InputError(
            f"labels with fewer than {LEAST_GROUPS} {_units(roles)}: {shortened_list(rare, 5)}. At least two labels "
            f"need {LEAST_GROUPS} each: one for training, one for validation and one for the test"
        )
    return rare


def _split(clips: pd.DataFrame, roles: Roles) -> dict[str, Any]:
    """The settings of the split: the parts or folds of the recordings, or folds that are drawn."""
    if "part" in roles:
        return {"scheme": "predefined", "protocol": "nested" if "val" in set(clips["part"]) else "literature"}
    if "fold" in roles:
        folds = clips["fold"].nunique()
        crossing = clips.groupby("group")["fold"].nunique().max() > 1
        protocol = "nested" if folds > 2 else "literature"
        return {"scheme": "repaired" if crossing else "official", "folds": int(folds), "protocol": protocol}
    fewest = int(clips.groupby("label")["group"].nunique().min())
    return {"scheme": "kfold", "folds": min(MOST_FOLDS, fewest), "protocol": "nested"}


def _guesses(clips: pd.DataFrame, roles: Roles, rare: list[str], unused: list[str]) -> list[str]:
    """One sentence per guess, and one per item of ``unused``."""
    split = _split(clips[~clips["label"].isin(rare)], roles)
    lines = [f"label: {roles['label'].described}"]
    if rare:
        lines.append(f"left out: {spoken_list(rare)}, with fewer than {LEAST_GROUPS} {_units(roles)}")
    if "group" in roles:
        lines.append(f"group: {roles['group'].described}; {_divided(clips, roles) or 'no group is split'}")
    else:
        lines.append(
            "group: none was found, so each clip is its own group. If several clips come from one speaker or "
            "recording, scores will be too high; name it in the column group of a table"
        )
    if known := roles.get("fold") or roles.get("part"):
        lines.append(f"folds: {known.described}; scheme {split['scheme']}")
    else:
        lines.append(f"folds: no published folds are used, so {split['folds']} folds are drawn by the seed")
    return lines + [f"not used: {sentence}" for sentence in unused]


def _divided(clips: pd.DataFrame, roles: Roles) -> str:
    """The groups that the published parts divide, and what can be done; empty if there are none."""
    parts = clips.groupby("group")["part"].nunique() if "part" in roles else pd.Series(dtype=int)
    if not (divided := list(parts.index[parts > 1])):
        return ""
    return (
        f"the published parts divide {shortened_list(divided, 4)}, so this study will be refused. Write "
        "`split: {scheme: kfold, protocol: nested}` to draw folds instead; or take `group` out of the source if these "
        "are not groups"
    )


def _inline(value: Any) -> str:
    """A value on one line of YAML."""
    return yaml.safe_dump([value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6).strip()[
        1:-1
    ]


def _block(source: Source, indent: int) -> str:
    """A mapping with one key per line."""
    return "".join(f"\n{' ' * indent}{key}: {_inline(value)}" for key, value in source.items())


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path, help="a folder with recordings, or a table (.csv) that lists them")
    parser.add_argument("--name", default="mine", help="the name of the source and of the data set (default: mine)")
    parser.add_argument("--output", type=Path, help="the file to write (default: NAME.yaml)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")  # what the reader skipped
    recordings = options.recordings.expanduser().absolute()
    try:
        print(new_study(recordings, options.name, options.output or Path(f"{options.name}.yaml")))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
