"""Augmented copies of clips: which copies a view requests, which of them a fold trains on, and a check against leaks.

A view's ``augment`` is a list of rules. A rule names variants and labels. It gives either the number of ``copies`` of
each variant that every clip with these labels gets, or ``balance``, which fills each class up to the size of the
largest. A copy has the id of its parent clip. It is used for training only if its parent is.
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
from soundbench.tasks.labels import TRUE

if TYPE_CHECKING:
    import pandas as pd

Rules = list[AugmentationRule]

ORIGINAL = "orig"
COPY_COLUMNS = ["clip", "label", "variant", "copy"]


def recordings(folder: str | Path) -> list[Path]:
    """The audio files below a folder, sorted by name."""
    return audio_files(Path(folder).expanduser())[0]


def variant_names(rules: Rules) -> list[str]:
    """The variants that a view's rules name, each once."""
    return list(dict.fromkeys(name for rule in rules for name in rule["variants"]))


def copy_name(clip: str, variant: str, copy: int) -> str:
    """The name of a copy's file without its suffix: ``<clip>_<variant>``, with a number from the second copy on."""
    return f"{clip}_{variant}" + (f"-{copy}" if copy > 1 else "")


def variant_problems(where: str, variant: dict[str, Any], used: bool) -> Iterator[str]:
    """The problems of a variant's steps; the folders that it needs must exist only if it is ``used``."""
    for number, step in enumerate(variant["steps"]):
        for key, value in step.items():
            if isinstance(value, list) and value[0] > value[1]:
                yield f"{where}.steps.{number}.{key}: the first number of the range {value} should be the lower one"
        folder = step.get("recordings")
        if used and folder is not None and not recordings(folder):
            yield f"{where}.steps.{number}.recordings: {folder} is not a folder with audio files"
        elif folder is not None and not is_plain(folder):
            yield f"{where}.steps.{number}.recordings: {folder} holds one of {{ }} < >; rename it, or use a link to it"


def target_names(clips: pd.DataFrame) -> list[str]:
    """The names of the numbers that clips of the task ``regression`` have."""
    return [name.removeprefix(TRUE) for name in clips if name.startswith(TRUE)]


def _classes(clips: pd.DataFrame) -> pd.Series:
    """The label of each clip; clips without labels are all of one class."""
    labelled = "label" in clips and not target_names(clips)
    return clips["label"] if labelled else clips["clip"].mask(clips["clip"].notna(), "")


def clips_to_augment(clips: pd.DataFrame, rule: AugmentationRule) -> pd.Series:
    """Whether a rule makes copies of each of ``clips``, ``(clips,)`` bool.

    Of clips with numbers, it makes copies of those whose numbers are in its ranges. A label of the rule is a class of
    the view. If the view has no class of this name, it is a label of the source that belongs to a merged class.

    Args:
        clips: the columns ``label`` and, if the view merges labels, ``source_label``; or ``true_NAME`` of each number.
    """
    if target_names(clips):
        chosen = clips["clip"].notna()
        for name, limits in (rule.get("values") or {}).items():
            chosen &= clips[TRUE + name].between(*limits)
        return chosen
    named = set(rule["labels"] or clips["label"])
    of_source = named - set(clips["label"])
    return clips["label"].isin(named) | clips.get("source_label", clips["label"]).isin(of_source)


def check_labels(clips: pd.DataFrame, rules: Rules) -> None:
    """Refuse rules that name a label which no clip has, as its class in the view or as its label in the source; or
    numbers that clips do not have, or ranges without a clip."""
    if names := target_names(clips):
        _check_ranges(clips, rules, names)
        return
    known = {*clips["label"], *clips.get("source_label", ())}
    problems = [
        f"augment.{number}.labels: no clip has the label {label}; there are {', '.join(sorted(known))}"
        for number, rule in enumerate(rules)
        for label in rule["labels"] or ()
        if label not in known
    ]
    if problems:
        raise InputError(problems, "This view cannot be augmented:")


def _check_ranges(clips: pd.DataFrame, rules: Rules, names: list[str]) -> None:
    problems = []
    for number, rule in enumerate(rules):
        unknown = [name for name in rule.get("values") or () if name not in names]
        problems += [f"augment.{number}.values: there is no {name}; there are {', '.join(names)}" for name in unknown]
        if not unknown and not clips_to_augment(clips, rule).any():
            problems.append(f"augment.{number}.values: no clip has numbers in {rule.get('values')}")
    if problems:
        raise InputError(problems, "This view cannot be augmented:")


def _rank(clip: str, seed: int) -> bytes:
    """A sort key for a random order of clips that depends only on their names and the seed."""
    return hashlib.sha256(f"{seed}/{clip}".encode()).digest()


def _distribute(parents: list[str], variants: list[str], number: int) -> Iterator[tuple[str, str, int]]:
    """Distribute copies over the parents and variants in turn, so that the numbers per parent differ by one at most."""
    for turn in count():
        for position, clip in enumerate(parents):
            if turn * len(parents) + position >= number:
                return
            yield clip, variants[(turn + position) % len(variants)], turn // len(variants) + 1


def training_copies(clips: pd.DataFrame, rules: Rules, seed: int) -> pd.DataFrame:
    """The augmented copies of training ``clips`` that the rules request.

    ``copies`` is the number per variant; the copies of a variant without random numbers are equal, which gives the clip
    more weight. ``balance`` also counts the copies of earlier rules, and the seed decides which clips come first.

    Args:
        clips: training clips, with the columns of a split table.

    Returns:
        ``clip, label, variant, copy``: the parent and its label, and the number of the copy, from 1.
    """
    import pandas as pd

    copies: list[tuple[str, str, str, int]] = []
    classes = _classes(clips)
    for rule in rules:
        sizes = pd.Series([*classes, *(label for _, label, _, _ in copies)], dtype=str).value_counts()
        for label, members in clips[clips_to_augment(clips, rule)].groupby(classes)["clip"]:
            parents = sorted(members, key=lambda clip: _rank(clip, seed))
            variants = rule["variants"]
            if rule["balance"]:
                number = int(sizes.max()) - sizes[label]
            else:
                number = len(parents) * len(variants) * (rule["copies"] or 1)
            copies += [(clip, label, name, copy) for clip, name, copy in _distribute(parents, variants, number)]
    return pd.DataFrame(copies, columns=COPY_COLUMNS)


def required_copies(views: Iterable[tuple[pd.DataFrame, Rules]], variant: str, several: bool) -> pd.DataFrame:
    """The copies of one variant that any view can request in any fold: ``clip, copy``.

    Args:
        views: the clips of each view and its rules.
        several: whether the variant's copies differ; if they do not, one copy per clip is enough.
    """
    import pandas as pd

    counts: dict[str, int] = {}
    for clips, rules in views:
        requested = training_copies(clips, rules, seed=0)
        if variant == ORIGINAL:
            # Balanced classes need no copies; then a clip without copies is shown.
            shown = requested["clip"] if len(requested) else clips["clip"][:1]
            counts |= dict.fromkeys(shown, 1)
            continue
        numbers = requested[requested["variant"] == variant].groupby("clip")["copy"].max()
        chosen = [clips_to_augment(clips, rule) for rule in rules]
        balancing = [rule["balance"] and variant in rule["variants"] for rule in rules]
        # The copies per clip differ by one at most among clips of one class that the same rules augment.
        for (_, *by_rule), part in clips.groupby([_classes(clips), *chosen]):
            # The training clips of a fold may be less balanced than the view, which needs one more copy per clip.
            reserve = any(balances and applies for balances, applies in zip(balancing, by_rule, strict=True))
            number = int(numbers.reindex(part["clip"]).fillna(0).max()) + reserve
            for clip in part["clip"] if number else ():
                counts[clip] = max(number if several else 1, counts.get(clip, 0))
    pairs = [(clip, copy) for clip in sorted(counts) for copy in range(1, counts[clip] + 1)]
    return pd.DataFrame(pairs, columns=["clip", "copy"])


def check_parents(examples: pd.DataFrame, roles: pd.Series) -> None:
    """Refuse training examples that are, or were made from, clips without the role ``train``.

    The row of a copy and the name of its file must name the same parent, so that a copy of a test clip in the place of
    a copy of a training clip is noticed.

    Args:
        examples: ``clip, variant, copy, file`` of every example; ``file`` is empty for originals.
        roles: each clip's role in this fold, indexed by clip.

    Raises:
        InputError: naming all clips and copies that must not be trained on.
    """
    problems = []
    for clip, variant, copy, file in examples[["clip", "variant", "copy", "file"]].itertuples(index=False):
        name = Path(file).stem if file else clip
        if file and name != copy_name(clip, variant, copy):
            parent = name.rpartition(f"_{variant}")[0]
            role = roles.get(parent, "unknown")
            problems.append(f"{file} is listed as a copy of {clip}, but is one of {parent}, whose role is {role!r}")
        elif roles.get(clip) != "train":
            problems.append(f"{name} must not be trained on: the role of {clip} is {roles.get(clip, 'unknown')!r}")
    if problems:
        raise InputError(problems, "Clips would leak into training:")
