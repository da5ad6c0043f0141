"""What is wrong with a data set: damaged and odd clips, copies of clips, groups and labels that no split can serve.

Each check is a function from the clips of a view to findings. What has to be measured was measured when the clips
were indexed (:mod:`soundbench.data.inspection`); the checks of groups and labels need no audio at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from soundbench.core.storage import read_clip_table
from soundbench.data.fingerprints import Landmarks, near_duplicates
from soundbench.data.schemes import AS_PUBLISHED
from soundbench.data.view import AuditLimits, Split, View
from soundbench.tasks.registry import task_class

# error: a clip is left out, or what is tested can have been trained on; warning: may distort results.
SEVERITIES = ("error", "warning", "note")
FINDING_COLUMNS = ["severity", "check", "clips", "files", "value", "threshold", "detail"]
PUBLISHED = ("official", "repaired")  # schemes that use the folds of the source

CHECKS = {
    "source": "what the source holds besides these clips, and names that look alike",
    "missing": "there is no such file",
    "unreadable": "libsndfile cannot read the file",
    "empty": "the file holds no samples",
    "truncated": "the file breaks off",
    "not finite": "samples are NaN, infinite or far beyond full scale",
    "too large": "the file needs more than the memory",
    "silent": "RMS of the loudest 0.1 s (dB of full scale)",
    "clipped": "share of samples in flat tops at full scale",
    "too short": "length, in times the median",
    "too long": "length, in times the median",
    "duplicate": "clips with the same samples",
    "near-duplicate": "shared spectral landmarks (share)",
    "group in several folds": "published folds that hold clips of one group",
    "label in too few groups": "groups of the label, for the folds",
    "label missing in folds": "published folds with the label",
}


@dataclass(frozen=True)
class Finding:
    """One thing to know: the clips that it is about (none for a label), and what was measured against what."""

    severity: str
    check: str
    clips: pd.DataFrame | None
    detail: str
    value: float | None = None
    threshold: float | None = None

    def row(self) -> dict[str, Any]:
        """A row of the table; several clips and files are separated by ``; ``."""
        named = {"clips": "", "files": ""}
        if self.clips is not None:
            named = {"clips": "; ".join(self.clips["clip"]), "files": "; ".join(self.clips["path"])}
        numbers = {"value": self.value, "threshold": self.threshold}
        return {"severity": self.severity, "check": self.check, **named, **numbers, "detail": self.detail}


def bad_clips(clips: pd.DataFrame) -> Iterator[Finding]:
    """Clips that cannot be used, and were left out."""
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
    """Clips that hold the same samples, and pairs that hold the same sound.

    Args:
        landmarks: those of each row of ``clips``.
    """
    for _, same in clips[clips["samples"].duplicated(keep=False)].groupby("samples"):
        severity, where = separation(same)
        yield Finding(severity, "duplicate", same, f"the same samples; {where}", len(same), 1)
    least = thresholds["near_duplicate"]
    for pair in near_duplicates(landmarks, least).itertuples():
        both = clips.iloc[[pair.first, pair.second]]
        if both["samples"].nunique() == 2:
            severity, where = separation(both)
            text = f"the same sound, in the second {abs(pair.shift):.2f} s {'later' if pair.shift > 0 else 'earlier'}"
            text = text if abs(pair.shift) >= 0.02 else "the same sound at the same place"
            yield Finding(severity, "near-duplicate", both, f"{text}; {where}", round(pair.likeness, 3), least)


def separation(copies: pd.DataFrame) -> tuple[str, str]:
    """How bad it is that these clips are copies of each other, and why."""
    folds, labels = sorted(copies["fold"].dropna().unique()), sorted(set(copies["label"]))
    if len(folds) > 1:
        severity, where = "error", f"in folds {_and(folds)}: one is tested on what another trained"
    elif copies["group"].nunique() > 1 and not folds:
        severity, where = "error", f"in groups {_and(copies['group'])}: a split can divide them"
    elif copies["group"].nunique() > 1:
        severity, where = "warning", f"in groups {_and(copies['group'])}, but all in fold {_and(folds)}"
    else:
        severity, where = "note", f"all of group {copies['group'].iloc[0]}"
    if len(labels) > 1:
        return min(severity, "warning", key=SEVERITIES.index), f"{where}; labelled {_and(labels)}"
    return severity, f"{where}; {labels[0]}"


def crossing_groups(clips: pd.DataFrame, split: Split) -> Iterator[Finding]:
    """Groups with clips in several published folds; the ``split`` of the view may name some that pass."""
    scheme, named = split["scheme"], split.get("crossing_groups", [])
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
    """Labels that cannot be in every part of every fold."""
    least = 2 if scheme == "leave-one-group-out" else max(folds, 2)
    for label, counts in strata.items():
        members = clips[counts > 0]
        groups, published = members["group"].nunique(), members["fold"].nunique()
        if groups < least:
            text = f"{label}: {len(members)} clips in {groups} groups; some part would have none"
            yield Finding("error", "label in too few groups", None, text, groups, least)
        elif scheme == "official" and published < folds:
            text = f"{label}: {len(members)} clips, in folds {_and(sorted(members['fold'].dropna().unique()))} only"
            yield Finding("error", "label missing in folds", None, text, published, folds)


def _and(values: Any) -> str:
    """``1, 2 and 3``, each value once."""
    names = list(dict.fromkeys(f"{value:g}" if isinstance(value, float) else str(value) for value in values))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def find_problems(
    clips: pd.DataFrame, landmarks: list[Landmarks], view: View, notes: Sequence[str] = ()
) -> pd.DataFrame:
    """All findings on the clips of a view, the worst first.

    Args:
        clips: the columns of the clip table and what was measured, all clips, also bad ones.
        landmarks: those of each row of ``clips``.
        notes: what the reader of the source had to say.
    """
    scheme, good = view["split"]["scheme"], clips["problem"] == ""
    used = clips[good]
    # Where the source's folds are not used, clips in two of them can be on the same side, and in one on two.
    unfolded = used if scheme in PUBLISHED else used.assign(fold=float("nan"))
    findings = [
        *(Finding("warning", "source", None, note) for note in notes),
        *bad_clips(clips),
        *copies(unfolded, [points for points, keep in zip(landmarks, good, strict=True) if keep], view["audit"]),
        *crossing_groups(used, view["split"]),
        *rare_labels(used, task_class(view).strata(used), scheme, view["split"]["folds"]),
        *odd_clips(used, view["audit"]),
    ]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return pd.DataFrame([finding.row() for finding in findings], columns=FINDING_COLUMNS)


def read_measures(path: str | Path) -> pd.DataFrame:
    """The measures of a source's clips; what could not be measured, and a fold that is not published, is NaN."""
    table = read_clip_table(path)
    numbers = ["fold", "seconds", "loudest", "clipped"]
    return table.assign(**table[numbers].apply(pd.to_numeric, errors="coerce"))
