"""The audit of a data set: damaged and unusual clips, copies of clips, and groups and labels that no split can use.

Each check is a function from the clips of a view to findings. The measurements were made when the clips were indexed
(:mod:`soundbench.data.inspection`); the checks of groups and labels need no audio.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_table
from soundbench.core.text import shortened_list, spoken_list
from soundbench.data.columns import UNUSED
from soundbench.data.fingerprints import MISSED, Landmarks, near_duplicates
from soundbench.data.parts import RECORDINGS, file_of, overlapping, part_of
from soundbench.data.recording_traits import TRAITS
from soundbench.data.schemes import AS_PUBLISHED, FEW_TESTED
from soundbench.data.view import AuditLimits, Split, View
from soundbench.tasks.labels import SEPARATOR
from soundbench.tasks.registry import task_class

# error: a clip is left out, or a test clip may also be a training clip; warning: results may be distorted.
SEVERITIES = ("error", "warning", "note")
FINDING_COLUMNS = ["severity", "check", "clips", "files", "value", "threshold", "detail"]
PUBLISHED = ("official", "repaired")  # the schemes that use the published folds of the source

CHECKS = {
    "source": "other content of the source, and similar names",
    "missing": "there is no such file",
    "unreadable": "libsndfile cannot read the file",
    "empty": "the file holds no samples",
    "truncated": "the end of the file is missing",
    "not finite": "samples are NaN, infinite or far beyond full scale",
    "too large": "the file does not fit the memory",
    "silent": "RMS of the loudest 0.1 s (dB of full scale)",
    "clipped": "share of samples in flat tops at full scale",
    "too short": "length, in times the median",
    "too long": "length, in times the median",
    "duplicate": "clips with the same samples",
    "overlapping parts": "shared seconds of a file, between groups",
    "file in several groups": "groups that hold parts of the file",
    "near-duplicate": "shared spectral landmarks (share)",
    "search for copies": "clips of which copies may be missing in this audit",
    "group in several folds": "published folds that hold clips of one group",
    "label in too few groups": "groups of the label, for the folds",
    "label missing in folds": "published folds with the label",
}


@dataclass(frozen=True)
class Finding:
    """One result of the audit: its clips (None for a label), the measured value and the threshold."""

    severity: str
    check: str
    clips: pd.DataFrame | None
    detail: str
    value: float | None = None
    threshold: float | None = None

    def row(self) -> dict[str, Any]:
        """One row of the table; several clips and files are separated by ``; ``."""
        names = {"clips": "", "files": ""}
        if self.clips is not None:
            names = {"clips": "; ".join(self.clips["clip"]), "files": "; ".join(self.clips["path"])}
        numbers = {"value": self.value, "threshold": self.threshold}
        return {"severity": self.severity, "check": self.check, **names, **numbers, "detail": self.detail}


def bad_clips(clips: pd.DataFrame) -> Iterator[Finding]:
    """Clips that cannot be used and were left out."""
    for index, clip in clips[clips["problem"] != ""].iterrows():
        yield Finding("error", clip["problem"], clips.loc[[index]], f"{clip['detail']}; left out")


def odd_clips(clips: pd.DataFrame, thresholds: AuditLimits) -> Iterator[Finding]:
    """Clips that are silent, clipped, or far shorter or longer than the others."""
    length = clips["seconds"] / clips["seconds"].median()
    for check, severity, values, limit, sign in (
        ("silent", "warning", clips["loudest"], thresholds["silent"], -1),
        ("clipped", "note", clips["clipped"], thresholds["clipped"], 1),
        ("too short", "warning", length, thresholds["short"], -1),
        ("too long", "warning", length, thresholds["long"], 1),
    ):
        for index, value in values[sign * values > sign * limit].items():
            lasts = f"{clips.at[index, 'label']}, {clips.at[index, 'seconds']:.3g} s"
            yield Finding(severity, check, clips.loc[[index]], lasts, round(value, 4), limit)


def copies(clips: pd.DataFrame, landmarks: list[Landmarks], thresholds: AuditLimits) -> Iterator[Finding]:
    """Clips with the same samples, parts of a file that overlap or are in several groups, pairs with the same sound.

    Args:
        landmarks: the landmarks of each row of ``clips``.
    """
    shared = {(first, second): seconds for first, second, seconds in overlapping(clips["path"])}
    yield from _overlapping_parts(clips, shared)
    yield from _divided_files(clips)
    for _, duplicates in clips[clips["samples"].duplicated(keep=False)].groupby("samples"):
        severity, where = separation(duplicates)
        yield Finding(severity, "duplicate", duplicates, f"the same samples; {where}", len(duplicates), 1)
    least = thresholds["near_duplicate"]
    pairs = near_duplicates(landmarks, least)
    for kind, text in MISSED.items():
        if number := pairs.attrs[kind]:
            yield Finding("note", "search for copies", None, text.format(number, len(clips)), number, 0)
    for pair in pairs.itertuples():
        both = clips.iloc[[pair.first, pair.second]]
        known = (pair.first, pair.second) in shared or _mixed_of_one(both)
        if both["samples"].nunique() == 2 and not known:
            severity, where = separation(both)
            text = f"the same sound, in the second {abs(pair.shift):.2f} s {'later' if pair.shift > 0 else 'earlier'}"
            text = text if abs(pair.shift) >= 0.02 else "the same sound at the same position"
            yield Finding(severity, "near-duplicate", both, f"{text}; {where}", round(pair.likeness, 3), least)


def _mixed_of_one(pair: pd.DataFrame) -> bool:
    """Whether two clips are mixed of a common recording and are of one group, which no split divides."""
    if RECORDINGS not in pair or pair["group"].nunique() > 1:
        return False
    first, second = (set(joined.split(SEPARATOR)) for joined in pair[RECORDINGS])
    return bool(first & second)


def _overlapping_parts(clips: pd.DataFrame, shared: dict[tuple[int, int], float]) -> Iterator[Finding]:
    """Overlapping parts of one file, unless they are of one group, which no split divides.

    Args:
        shared: the seconds that two rows of ``clips``, by their positions, have in common.
    """
    for pair, seconds in shared.items():
        both = clips.iloc[list(pair)]
        if both["group"].nunique() > 1 or both["fold"].dropna().nunique() > 1:
            severity, where = separation(both)
            text = f"the same {seconds:.2f} s of {file_of(both['path'].iloc[0])}; {where}"
            yield Finding(severity, "overlapping parts", both, text, round(seconds, 3), 0)


def _divided_files(clips: pd.DataFrame) -> Iterator[Finding]:
    """Files whose parts are in several groups: a split can divide sounds with the same background."""
    files = clips["path"].map(lambda path: part_of(path).file)
    divided = clips["group"].groupby(files).transform("nunique") > 1
    for file, parts in clips[divided].groupby(files[divided]):
        severity, _ = separation(parts)
        groups = sorted(set(parts["group"]))
        text = f"parts of {file} are in groups {shortened_list(groups, 5)}"
        yield Finding(severity, "file in several groups", parts, text, len(groups), 1)


def separation(copies: pd.DataFrame) -> tuple[str, str]:
    """The severity of a finding on copies, and the folds, groups and labels that decide it."""
    folds = sorted(copies["fold"].dropna().unique())
    labels = sorted(set(copies["label"]))
    if len(folds) > 1:
        severity = "error"
        where = f"in folds {_and(folds)}: a model is tested on a copy of a training clip"
    elif copies["group"].nunique() > 1 and not folds:
        severity = "error"
        where = f"in groups {_and(copies['group'])}: a split can divide them"
    elif copies["group"].nunique() > 1:
        severity = "warning"
        where = f"in groups {_and(copies['group'])}, but all in fold {_and(folds)}"
    else:
        severity = "note"
        where = f"all of group {copies['group'].iloc[0]}"
    if len(labels) > 1:
        return min(severity, "warning", key=SEVERITIES.index), f"{where}; labelled {_and(labels)}"
    return severity, f"{where}; {labels[0]}"


def crossing_groups(clips: pd.DataFrame, split: Split) -> Iterator[Finding]:
    """Groups with clips in several published folds; the ``split`` of the view may name groups that are allowed."""
    scheme = split["scheme"]
    named = split.get("crossing_groups", [])
    for group, members in clips.dropna(subset="fold").groupby("group"):
        if (count := members["fold"].nunique()) < 2:
            continue
        parts = [f"{int(fold)} ({_and(part['label'])})" for fold, part in members.groupby("fold")]
        divided = members.groupby("label")["fold"].nunique().max() > 1
        classes = "a class on both sides" if divided else "always in different classes"
        text = f"group {group} is in folds {_and(parts)}, {classes}"
        severity = "note" if scheme != "official" else "error" if divided or group not in named else "warning"
        text += "" if scheme in AS_PUBLISHED else f"; the scheme {scheme} keeps it together"
        yield Finding(severity, "group in several folds", members, text, count, 1)


def rare_labels(clips: pd.DataFrame, strata: pd.DataFrame, scheme: str, folds: int) -> Iterator[Finding]:
    """Labels with too few groups or folds to be in every part of every fold."""
    least = 2 if scheme in FEW_TESTED else max(folds, 2)
    for label, counts in strata.items():
        members = clips[counts > 0]
        groups = members["group"].nunique()
        published = members["fold"].nunique()
        if groups < least:
            text = f"{label}: {len(members)} clips in {groups} groups; a part of the split would have none of them"
            yield Finding("error", "label in too few groups", None, text, groups, least)
        elif scheme == "official" and published < folds:
            text = f"{label}: {len(members)} clips, in folds {_and(sorted(members['fold'].dropna().unique()))} only"
            yield Finding("error", "label missing in folds", None, text, published, folds)


def _and(values: Any) -> str:
    """``1, 2 and 3``, each value once; whole numbers without a decimal point."""
    return spoken_list(
        list(dict.fromkeys(f"{value:g}" if isinstance(value, float) else str(value) for value in values))
    )


def find_problems(
    clips: pd.DataFrame, landmarks: list[Landmarks], view: View, notes: Sequence[str] = ()
) -> pd.DataFrame:
    """All findings on the clips of a view, the most severe first.

    Args:
        clips: all clips, also bad ones, with the columns of the clip table and the measurements.
        landmarks: the landmarks of each row of ``clips``.
        notes: the notes of the reader of the source.
    """
    scheme = view["split"]["scheme"]
    good = clips["problem"] == ""
    used = clips[good]
    # If the published folds are not used, clips of two folds can be on the same side, and clips of one fold on two.
    unfolded = used if scheme in PUBLISHED else used.assign(fold=float("nan"))
    findings = [
        *(Finding("note" if UNUSED in note else "warning", "source", None, note) for note in notes),
        *bad_clips(clips),
        *copies(unfolded, [points for points, keep in zip(landmarks, good, strict=True) if keep], view["audit"]),
        *crossing_groups(used, view["split"]),
        *rare_labels(used, task_class(view).strata(used), scheme, view["split"]["folds"]),
        *odd_clips(used, view["audit"]),
    ]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return pd.DataFrame([finding.row() for finding in findings], columns=FINDING_COLUMNS)


def read_measures(path: str | Path, text: Sequence[str] = ()) -> pd.DataFrame:
    """The measurements of a source's clips; a missing measurement and a missing fold are NaN.

    Args:
        text: further columns that remain text, such as ``007``.
    """
    table = read_clip_table(path, text)
    numbers = ["fold", "seconds", "sample_rate", "channels", "loudest", "clipped", *TRAITS]
    return table.assign(**table[numbers].apply(pd.to_numeric, errors="coerce"))
