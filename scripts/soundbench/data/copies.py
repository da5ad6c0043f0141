"""Which augmented copies a view asks for, which of them a fold trains on, and that none of them leaks.

A view's ``augment`` is a list of rules. A rule names variants and labels, and either how many ``copies`` of each
variant every clip with these labels gets, or ``balance``: then just as many as bring each class to the size of the
largest. A copy carries the id of its parent clip, and only a parent in training brings its copies along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundbench.core.errors import InputError
from soundbench.data.files import audio_files, is_plain
from soundbench.data.view import AugmentationRule

if TYPE_CHECKING:
    import pandas as pd

Rules = list[AugmentationRule]

ORIGINAL = "orig"
COPY_COLUMNS = ["clip", "label", "variant", "copy"]


def recordings(folder: str | Path) -> list[Path]:
    """The audio files below a folder, by name, whatever the order in which the system lists them."""
    return audio_files(Path(folder).expanduser())[0]


def variant_names(rules: Rules) -> list[str]:
    """The variants that a view's rules name, each once."""
    return list(dict.fromkeys(name for rule in rules for name in rule["variants"]))


def copy_name(clip: str, variant: str, copy: int) -> str:
    """The name of a copy's file, without its suffix: ``<clip>_<variant>``, and a number from the second on."""
    return f"{clip}_{variant}" + (f"-{copy}" if copy > 1 else "")


def variant_problems(where: str, variant: dict[str, Any], used: bool) -> Iterator[str]:
    """What cannot work in a variant's steps; the folders that it needs are looked for only if it is ``used``."""
    for number, step in enumerate(variant["steps"]):
        for key, value in step.items():
            if isinstance(value, list) and value[0] > value[1]:
                yield f"{where}.steps.{number}.{key}: the range {value} should begin with its lower end"
        folder = step.get("recordings")
        if used and folder is not None and not recordings(folder):
            yield f"{where}.steps.{number}.recordings: {folder} is no folder that holds audio files"
        elif folder is not None and not is_plain(folder):
            yield f"{where}.steps.{number}.recordings: {folder} holds one of {{ }} < >; rename it, or name a link to it"


def clips_to_augment(clips: pd.DataFrame, rule: AugmentationRule) -> pd.Series:
    """Which of ``clips`` a rule makes copies of, ``(clips,)`` bool.

    A label of the rule is a class of the view or, where the view has no class of this name, a label of the source that
    is part of a merged class.

    Args:
        clips: the columns ``label`` and, where the view merges labels, ``source_label``.
    """
    named = set(rule["labels"] or clips["label"])
    of_source = named - set(clips["label"])
    return clips["label"].isin(named) | clips.get("source_label", clips["label"]).isin(of_source)


def check_labels(clips: pd.DataFrame, rules: Rules) -> None:
    """Refuse rules that name a label which no clip of the view has, neither as its class nor in the source."""
    known = {*clips["label"], *clips.get("source_label", ())}
    problems = [
        f"augment.{number}.labels: no clip has the label {label}; there are {', '.join(sorted(known))}"
        for number, rule in enumerate(rules)
        for label in rule["labels"] or ()
        if label not in known
    ]
    if problems:
        raise InputError(problems, "This view cannot be augmented:")


def _rank(clip: str, seed: int) -> bytes:
    """A random order of clips that depends on nothing but their names and the seed."""
    return hashlib.sha256(f"{seed}/{clip}".encode()).digest()


def _dealt(parents: list[str], variants: list[str], needed: int) -> Iterator[tuple[str, str, int]]:
    """Deal ``needed`` copies over the parents, round by round, so that each has as many as any other, give or take
    one, and the variants take turns."""
    for turn in count():
        for place, clip in enumerate(parents):
            if turn * len(parents) + place >= needed:
                return
            yield clip, variants[(turn + place) % len(variants)], turn // len(variants) + 1


def training_copies(clips: pd.DataFrame, rules: Rules, seed: int) -> pd.DataFrame:
    """The copies that are trained on beside ``clips`` (training clips all, with the columns of a split table).

    ``copies`` counts each variant; a variant without anything random repeats the same sound then, which gives it
    more weight. ``balance`` counts the copies of the rules before it too, and the seed decides whose turn is first.

    Returns:
        ``clip, label, variant, copy``: the parent and its label, and the number of the copy, from 1.
    """
    import pandas as pd

    copies: list[tuple[str, str, str, int]] = []
    for rule in rules:
        sizes = pd.Series([*clips["label"], *(label for _, label, _, _ in copies)], dtype=str).value_counts()
        for label, members in clips[clips_to_augment(clips, rule)].groupby("label")["clip"]:
            parents = sorted(members, key=lambda clip: _rank(clip, seed))
            variants, largest = rule["variants"], int(sizes.max())
            needed = largest - sizes[label] if rule["balance"] else len(parents) * len(variants) * (rule["copies"] or 1)
            copies += [(clip, label, name, copy) for clip, name, copy in _dealt(parents, variants, needed)]
    return pd.DataFrame(copies, columns=COPY_COLUMNS)


def required_copies(views: Iterable[tuple[pd.DataFrame, Rules]], variant: str, several: bool) -> pd.DataFrame:
    """The copies of one variant that some view can ask for in some fold: ``clip, copy``.

    Args:
        views: the clips of each view and its rules.
        several: whether the variant's copies differ, so that more than one a clip is worth making.
    """
    import pandas as pd

    most: dict[str, int] = {}
    for clips, rules in views:
        asked = training_copies(clips, rules, seed=0)
        if variant == ORIGINAL:
            most |= dict.fromkeys(asked["clip"], 1)
            continue
        numbers = asked[asked["variant"] == variant].groupby("clip")["copy"].max()
        chosen = [clips_to_augment(clips, rule) for rule in rules]
        levelling = [rule["balance"] and variant in rule["variants"] for rule in rules]
        # Clips of one class that the same rules augment have as many copies, give or take one.
        for (_, *by_rule), part in clips.groupby([clips["label"], *chosen]):
            # The training part of a fold may be less level than the view, so that balancing takes a round more.
            reserve = any(level and mine for level, mine in zip(levelling, by_rule, strict=True))
            number = int(numbers.reindex(part["clip"]).fillna(0).max()) + reserve
            for clip in part["clip"] if number else ():
                most[clip] = max(number if several else 1, most.get(clip, 0))
    pairs = [(clip, copy) for clip in sorted(most) for copy in range(1, most[clip] + 1)]
    return pd.DataFrame(pairs, columns=["clip", "copy"])


def check_parents(trained: pd.DataFrame, roles: pd.Series) -> None:
    """Refuse to train on a clip, or on a copy of a clip, that has not the role ``train``.

    A copy's parent is told twice, by its row and by the name of its file, and both have to agree: a copy of a test
    clip that was put among those of a training clip is found by its name.

    Args:
        trained: ``clip, variant, copy, file`` of every example; ``file`` is empty for originals.
        roles: each clip's role in this fold, indexed by clip.

    Raises:
        InputError: naming every clip and copy that must not be trained on.
    """
    problems = []
    for clip, variant, copy, file in trained[["clip", "variant", "copy", "file"]].itertuples(index=False):
        name = Path(file).stem if file else clip
        if file and name != copy_name(clip, variant, copy):
            parent = name.rpartition(f"_{variant}")[0]
            role = roles.get(parent, "unknown")
            problems.append(f"{file} stands for a copy of {clip}, but is one of {parent}, whose role is {role!r}")
        elif roles.get(clip) != "train":
            problems.append(f"{name} must not be trained on: the role of {clip} is {roles.get(clip, 'unknown')!r}")
    if problems:
        raise InputError(problems, "Clips would leak into training:")
