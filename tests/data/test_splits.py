"""Splits: nothing leaks, every clip is tested once, classes keep their shares, and impossible splits are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.library import no_findings
from helpers.workflow import DATA, REPOSITORY
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.data.readers import emodb, esc50
from soundbench.data.splits import crossing_groups, leaks, left_out, missing_classes, split_clips
from soundbench.data.stratification import divide_groups
from soundbench.tasks.single_label import SingleLabel

PROTOCOLS = ("nested", "literature")
LIBRARY = yaml.safe_load((REPOSITORY / "config" / "datasets.yaml").read_text())["datasets"]


def table(groups: list[dict[str, int]], folds: list[int] | None = None) -> pd.DataFrame:
    """A clip table: for each group, so many clips of each label."""
    rows = [
        (f"c{number}{label}{clip}", label, f"g{number}", folds[number] if folds else "")
        for number, labels in enumerate(groups)
        for label, count in labels.items()
        for clip in range(count)
    ]
    return pd.DataFrame(rows, columns=["clip", "label", "group", "fold"])


def made(clips: pd.DataFrame, split: dict[str, Any], seed: int, folder: Path, **view: Any) -> pd.DataFrame:
    write_csv(folder / "clips.csv", clips)
    no_findings(folder / "audit.csv")
    split_clips(
        folder / "clips.csv", folder / "audit.csv", "pets", {"split": split, **view}, seed, folder / "split.csv"
    )
    return read_clip_table(folder / "split.csv")


def refusal(clips: pd.DataFrame, split: dict[str, Any], folder: Path, **view: Any) -> str:
    with pytest.raises(InputError) as refused:
        made(clips, split, 1, folder, **view)
    assert not (folder / "split.csv").exists()
    return str(refused.value)


def roles(split: pd.DataFrame) -> pd.DataFrame:
    return split[[name for name in split.columns if name.startswith("fold")]]


# Shapes of data sets: singletons, recordings of one class, and speakers who utter several.
single_label = st.lists(
    st.builds(lambda label, count: {label: count}, st.sampled_from("abcd"), st.integers(1, 7)), min_size=8, max_size=60
)
any_label = st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 7), min_size=1), min_size=3, max_size=40)


@pytest.mark.slow
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    groups=single_label | any_label,
    scheme=st.sampled_from(["kfold", "leave-one-group-out", "holdout"]),
    protocol=st.sampled_from(PROTOCOLS),
    folds=st.integers(3, 6),
    seed=st.integers(0, 99),
)
def test_no_generated_split_leaks(
    groups: list[dict[str, int]], scheme: str, protocol: str, folds: int, seed: int, tmp_path: Path
) -> None:
    clips = table(groups)
    wanted = {
        "kfold": {"folds": folds},
        "leave-one-group-out": {"folds": clips["group"].nunique()},
        "holdout": {"folds": 1, "test_ratio": 0.2, "val_ratio": 0.2},
    }[scheme]
    try:
        split = made(clips, {"scheme": scheme, "protocol": protocol, **wanted}, seed, tmp_path)
    except InputError as error:
        needed = wanted["folds"] if scheme == "kfold" else 3
        few = clips.groupby("label")["group"].nunique().min() < needed
        mixed = clips.groupby("group")["label"].nunique().max() > 1 and scheme != "leave-one-group-out"
        assert few or mixed or clips["label"].nunique() < 2, error
        return
    assert list(split["clip"]) == list(clips["clip"])
    for column in roles(split):
        sides = split.groupby("group")[column].nunique()
        assert (sides == 1).all()
        expected = {"train", "test", "val"} if protocol == "nested" else {"train", "test"}
        assert set(split[column]) == expected
        assert set(split.loc[split[column] == "train", "label"]) == set(clips["label"])
        if scheme != "leave-one-group-out":
            assert all(set(part) == set(clips["label"]) for _, part in split.groupby(column)["label"])
    tested = roles(split).eq("test").sum(axis=1)
    assert (tested == 1).all() if scheme != "holdout" else set(tested) == {0, 1}
    if protocol == "nested" and scheme != "holdout":
        assert (roles(split).eq("val").sum(axis=1) == 1).all()


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(
    groups=single_label,
    shares=st.sampled_from([[0.2] * 5, [1 / 3] * 3, [0.6, 0.2, 0.2], [0.9, 0.1]]),
    seed=st.integers(0, 99),
)
def test_class_shares_keep_their_bound(groups: list[dict[str, int]], shares: list[float], seed: int) -> None:
    """The bound that divide_groups states, for groups of one class each; clips of their own are within one clip."""
    clips = table(groups)
    clips["part"] = divide_groups(clips["group"], SingleLabel.strata(clips), shares, seed)
    assert (clips.groupby("group")["part"].nunique() == 1).all()
    for _, own in clips.groupby("label"):
        largest = own.groupby("group").size().max()
        counts = own["part"].value_counts().reindex(range(len(shares)), fill_value=0).to_numpy()
        wanted = np.array(shares) * len(own)
        assert (counts <= wanted + largest + 1e-6).all()
        assert (counts >= wanted - (len(shares) - 1) * largest - 1e-6).all()
        if len(set(shares)) == 1:
            assert counts.max() - counts.min() <= largest
        if own["group"].nunique() >= len(shares):
            assert (counts > 0).all()


def test_kfold_of_speakers_is_about_as_even_as_scikit_learn_makes_it() -> None:
    from sklearn.model_selection import StratifiedGroupKFold

    rng = np.random.default_rng(0)
    clips = table([dict(zip("abcdefg", map(int, rng.integers(1, 14, 7)), strict=True)) for _ in range(20)])

    def unevenness(folds: np.ndarray) -> float:
        shares = pd.crosstab(folds, clips["label"], normalize="columns").to_numpy()
        return float(np.abs(shares - 0.2).mean())

    ours, theirs = [], []
    for seed in range(10):
        ours.append(unevenness(divide_groups(clips["group"], SingleLabel.strata(clips), [0.2] * 5, seed)))
        folds = np.zeros(len(clips))
        peer = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        for number, (_, test) in enumerate(peer.split(clips, clips["label"], clips["group"])):
            folds[test] = number
        theirs.append(unevenness(folds))
    assert np.mean(ours) < 1.1 * np.mean(theirs)


def test_seed_draws_the_folds_and_draws_them_again(tmp_path: Path) -> None:
    clips = table([{"a": 3}] * 10 + [{"b": 2}] * 10)
    split = {"scheme": "kfold", "protocol": "nested", "folds": 5}
    first, again, other = (made(clips, split, seed, tmp_path) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_holdout_has_one_fold_with_the_ratios(tmp_path: Path) -> None:
    clips = table([{label: 1} for label in "ab" for _ in range(50)])
    split = {"scheme": "holdout", "folds": 1, "test_ratio": 0.3, "val_ratio": 0.1}
    nested = made(clips, split | {"protocol": "nested"}, 1, tmp_path)
    assert list(roles(nested)) == ["fold1"]
    assert nested["fold1"].value_counts().to_dict() == pytest.approx({"train": 60, "test": 30, "val": 10}, abs=2)
    literature = made(clips, split | {"protocol": "literature"}, 1, tmp_path)
    assert literature["fold1"].value_counts().to_dict() == pytest.approx({"train": 70, "test": 30}, abs=2)


def test_holdout_tests_the_same_clips_with_every_seed_but_validates_on_others(tmp_path: Path) -> None:
    clips = table([{label: 2} for label in "abc" for _ in range(10)])
    split = {"scheme": "holdout", "protocol": "nested", "folds": 1, "test_ratio": 0.2, "val_ratio": 0.2}
    first, second = (made(clips, split, seed, tmp_path)["fold1"] for seed in (1, 2))
    assert first.eq("test").equals(second.eq("test"))
    assert not first.eq("val").equals(second.eq("val"))


def test_groups_left_out_are_tested_in_the_order_of_their_names(tmp_path: Path) -> None:
    clips = table([{"a": 2, "b": 1}, {"a": 1, "b": 3}, {"b": 2, "a": 1}])
    split = made(clips, {"scheme": "leave-one-group-out", "protocol": "nested", "folds": 3}, 1, tmp_path)
    for number in range(3):
        assert set(split.loc[split[f"fold{number + 1}"] == "test", "group"]) == {f"g{number}"}


def test_impossible_splits_are_refused_with_alternatives(tmp_path: Path) -> None:
    clips, five = table([{"a": 2}] * 6 + [{"b": 2}] * 4 + [{"c": 9}]), {"protocol": "literature", "folds": 5}
    message = refusal(clips, {"scheme": "kfold"} | five, tmp_path)
    assert "b is in 4 groups" in message
    assert "c is in 1 group\n" in message
    message = refusal(clips, {"scheme": "kfold"} | five, tmp_path, drop=["c"])
    assert "at most 4 parts are possible" in message
    message = refusal(clips, {"scheme": "leave-one-group-out"} | five, tmp_path)
    assert "set folds: 11" in message
    ratios = {"folds": 1, "test_ratio": 0.2, "val_ratio": 0.2}
    message = refusal(clips, {"scheme": "holdout", "protocol": "nested", **ratios}, tmp_path)
    assert "c is in 1 group\n" in message
    for scheme in ("official", "repaired"):
        message = refusal(clips, {"scheme": scheme} | five, tmp_path)
        assert "no folds of its own" in message
    message = refusal(table([{"a": 1, "b": 1}] * 4, [1, 2, 3, 4]), {"scheme": "official"} | five, tmp_path)
    assert "the clips are in 1, 2, 3, 4" in message


def test_a_group_left_out_that_alone_has_a_class_is_refused(tmp_path: Path) -> None:
    clips = table([{"a": 2, "b": 2}, {"a": 2}, {"a": 3}])
    message = refusal(clips, {"scheme": "leave-one-group-out", "protocol": "literature", "folds": 3}, tmp_path)
    assert message.count("the train part has no clip of b") == 1


def test_crossing_groups_are_named_and_repaired(tmp_path: Path) -> None:
    clips = table([{"a": 2, "b": 2} for _ in range(9)], [1, 2, 3] * 3)
    clips.loc[clips["clip"] == "c0a1", "fold"] = 2
    official = {"scheme": "official", "protocol": "nested", "folds": 3}
    message = refusal(clips, official, tmp_path)
    assert "c0a0 (" in message
    assert "c0a1 (" in message
    assert "scheme `repaired`" in message
    split = made(clips, official | {"scheme": "repaired"}, 1, tmp_path)
    assert not leaks(split, ["group"])
    kept = clips["clip"] != "c0a1"
    for fold in (1, 2, 3):
        assert (split.loc[kept, f"fold{fold}"].eq("test") == clips.loc[kept, "fold"].eq(fold)).all()
    assert split.set_index("clip").loc["c0a1", "fold1"] == "test"


def test_a_group_with_one_class_in_each_of_three_folds_passes_only_by_name(tmp_path: Path) -> None:
    clips = table([{"a": 2, "b": 2, "c": 2} for _ in range(7)], [1, 2, 3, 1, 2, 3, 1])
    speaker = clips["group"] == "g6"
    clips.loc[speaker, "fold"] = clips.loc[speaker, "label"].map({"a": 1, "b": 2, "c": 3})
    official = {"scheme": "official", "protocol": "literature", "folds": 3}
    message = refusal(clips, official, tmp_path)
    assert all(f"{clip} (" in message for clip in clips.loc[speaker, "clip"])
    assert "g6 is on several sides" in message and "crossing_groups" in message
    assert "g6" in refusal(clips, official | {"crossing_groups": ["g5"]}, tmp_path)
    split = made(clips, official | {"crossing_groups": ["g6"]}, 1, tmp_path)
    assert len(leaks(split, ["group"])) == 3
    clips.loc[clips["clip"] == "c6a1", "fold"] = 2  # now one class is on two sides
    assert "g6 a is on several sides" in refusal(clips, official | {"crossing_groups": ["g6"]}, tmp_path / "again")


def test_a_limit_reaches_the_split_and_its_gaps_are_refused(tmp_path: Path) -> None:
    clips = table([{"a": 2, "b": 2} for _ in range(9)])
    split = made(
        clips, {"scheme": "kfold", "protocol": "nested", "folds": 3}, 1, tmp_path, limit={"train": 4, "val": 2}
    )
    for column in roles(split):
        assert split[column].value_counts().to_dict() == {"": 18, "test": 12, "train": 4, "val": 2}
    assert not missing_classes(split, SingleLabel.strata(split))


def test_leaks_and_missing_classes_of_a_wrong_split_are_found() -> None:
    clips = table([{"a": 2}, {"b": 2}, {"a": 1, "b": 1}])
    split = clips.assign(fold1=["train", "test", "train", "train", "val", "val"]).drop(columns="fold")
    assert leaks(split, ["group"]) == ["fold1: group g0 is on several sides: c0a0 (train), c0a1 (test)"]
    assert missing_classes(split, SingleLabel.strata(split)) == ["fold1: the test part has no clip of b"]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(name for name in LIBRARY if name.startswith("esc")))
def test_published_folds_of_esc50(name: str, tmp_path: Path) -> None:
    if not (DATA / "esc50.csv").exists():
        pytest.skip(f"no metadata of ESC-50: {DATA / 'esc50.csv'} is not there")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_bytes((DATA / "esc50.csv").read_bytes())
    view = LIBRARY[name] | {"split": {"folds": 5} | LIBRARY[name]["split"]}
    split = made(esc50.read(tmp_path), view.pop("split"), 1, tmp_path, **view)
    assert len(split) == (400 if name.startswith("esc10") else 2000)
    assert not leaks(split, ["group", "label"])
    if name == "esc50-categories":
        assert not leaks(split, ["group"])
        official = view | {"split": {"scheme": "official", "protocol": "nested", "folds": 5}}
        message = refusal(esc50.read(tmp_path), official.pop("split"), tmp_path / "official", **official)
        assert all(source in message for source in ("131943", "209698", "134049", "234879"))


@pytest.mark.parametrize("name", ["emodb", "emodb-literature"])
def test_emodb_tests_each_speaker_with_models_of_other_speakers(name: str, tmp_path: Path) -> None:
    if not (DATA / "emodb").exists():
        pytest.skip(f"no real recordings: {DATA / 'emodb'} is not there")
    split = made(emodb.read(DATA / "emodb"), LIBRARY[name]["split"], 1, tmp_path)
    for column in roles(split):
        assert split.loc[split[column] == "test", "group"].nunique() == 1
        assert split.loc[split[column] == "train", "group"].nunique() == (8 if name == "emodb" else 9)


def with_parts(groups: list[dict[str, int]], parts: list[str]) -> pd.DataFrame:
    """A clip table whose groups have parts of a published split."""
    clips = table(groups)
    return clips.assign(part=[parts[int(group[1:])] for group in clips["group"]])


def test_predefined_parts_are_kept_and_literature_trains_on_validation_too(tmp_path: Path) -> None:
    clips = with_parts([{"a": 2, "b": 1}] * 4, ["train", "train", "val", "test"])
    split = {"scheme": "predefined", "protocol": "nested"}
    for seed in (1, 2):
        assert made(clips, split, seed, tmp_path)["fold1"].to_list() == clips["part"].to_list()
    literature = made(clips, split | {"protocol": "literature"}, 1, tmp_path)["fold1"]
    assert literature.to_list() == clips["part"].replace("val", "train").to_list()


def test_predefined_parts_that_are_not_there_or_leak_are_refused(tmp_path: Path) -> None:
    split = {"scheme": "predefined", "protocol": "nested"}
    groups = [{"a": 1, "b": 1}] * 3
    assert "has no parts of its own" in refusal(table(groups), split, tmp_path)
    assert "c1a0: its part is 'dev'" in refusal(with_parts(groups, ["train", "dev", "test"]), split, tmp_path)
    assert "the protocol has to be literature" in refusal(
        with_parts(groups, ["train", "train", "test"]), split, tmp_path
    )
    leaking = with_parts(groups, ["train", "val", "test"]).replace({"group": {"g2": "g0"}})
    assert "group g0 is on several sides" in refusal(leaking, split, tmp_path)
    assert "the test part has no clip of b" in refusal(
        with_parts([*groups, {"a": 1}], ["train", "val", "train", "test"]), split, tmp_path
    )


def speakers_and_texts(speakers: int, texts: int, labels: str = "ab") -> pd.DataFrame:
    """Each speaker says each text once per label."""
    rows = [
        (f"{speaker}-{text}-{label}", label, f"s{speaker}", "", f"s{speaker}", f"t{text}")
        for speaker in range(speakers)
        for text in range(texts)
        for label in labels
    ]
    return pd.DataFrame(rows, columns=["clip", "label", "group", "fold", "speaker", "text"])


def crossed(first: int, second: int, protocol: str = "nested") -> dict[str, Any]:
    return {"scheme": "crossed", "parts": [first, second], "folds": first * second, "protocol": protocol}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", [1, 2])
def test_crossed_folds_test_each_clip_once_on_groups_of_both_kinds_that_training_lacks(
    protocol: str, seed: int, tmp_path: Path
) -> None:
    clips = speakers_and_texts(6, 4)
    split = made(clips, crossed(3, 2, protocol), seed, tmp_path, group=["speaker", "text"])
    assert split[["group", "other_group"]].to_numpy().tolist() == clips[["speaker", "text"]].to_numpy().tolist()
    assert (roles(split).eq("test").sum(axis=1) == 1).all()
    for column in roles(split):
        parts = {role: split[split[column] == role] for role in ("train", "val", "test")}
        for role in ("train", "val"):
            for kind in ("group", "other_group"):
                assert set(parts[role][kind]).isdisjoint(parts["test"][kind])
        assert set(parts["train"]["group"]).isdisjoint(parts["val"]["group"])
        assert len(parts["val"]) == (8 if protocol == "nested" else 0)
        assert len(parts["train"]) == (8 if protocol == "nested" else 16)
    assert left_out(split) == [24] * 6


def test_a_clip_that_shares_a_text_with_the_test_clips_is_named() -> None:
    clips = speakers_and_texts(3, 2, "a").assign(other_group=lambda table: table["text"])
    split = clips[["clip", "label", "group", "other_group"]].assign(fold1=["test", "train", "", "val", "", "train"])
    found = crossing_groups(split, ["label"], {"scheme": "crossed", "protocol": "nested", "folds": 4})
    assert found == ["fold1: group s0 is on several sides: 0-0-a (test), 0-1-a (train)"]
    split["fold1"] = ["test", "", "val", "", "", "train"]
    found = crossing_groups(split, ["label"], {"scheme": "crossed", "protocol": "nested", "folds": 4})
    assert found == ["fold1: other_group t0 is on several sides: 0-0-a (test), 1-0-a (train)"]


@pytest.mark.parametrize(
    ("group", "split", "expected"),
    [
        (["speaker", "sentence"], crossed(3, 2), "group: the clips have no column 'sentence'; their columns are clip"),
        (["speaker", "room"], crossed(3, 2), "group: all clips have the same room, small"),
        (["speaker", "take"], crossed(3, 2), "group: 2 clips have no take, but each clip of a view needs one"),
        (["speaker", "text"], crossed(7, 2), "split.parts: 7 parts need as many groups, but there are s0, s1, s2"),
        (["speaker", "clip"], crossed(6, 48), "fold1: no clip is left to test"),
        (["text"], {"scheme": "kfold", "folds": 5, "protocol": "nested"}, "at most 4 parts are possible"),
    ],
)
def test_columns_that_cannot_divide_a_view(
    group: list[str], split: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    clips = speakers_and_texts(6, 4).assign(room="small", take=["", ""] + ["1"] * 46)
    assert expected in refusal(clips, split, tmp_path, group=group)


def test_errors_of_a_view_begin_with_its_name(tmp_path: Path) -> None:
    clips = table([{"a": 2, "b": 2}] * 4)
    folds = {"scheme": "kfold", "folds": 9, "protocol": "nested"}
    assert refusal(clips, folds, tmp_path).startswith("datasets.pets:\n  - a is in 4 groups\n")
    assert refusal(clips, folds, tmp_path, drop=["x"]).startswith("datasets.pets:\n  - drop: no clip has the label x\n")
    predefined = {"scheme": "predefined", "protocol": "literature"}
    assert refusal(with_parts([{"a": 1, "b": 1}] * 2, ["train", "dev"]), predefined, tmp_path).startswith(
        "datasets.pets: split: clips without a part:\n  - c1a0"
    )


def test_a_column_of_the_clips_replaces_their_group(tmp_path: Path) -> None:
    clips = speakers_and_texts(6, 4)
    split = made(clips, {"scheme": "kfold", "folds": 4, "protocol": "nested"}, 1, tmp_path, group=["text"])
    assert list(split["group"]) == list(clips["text"])
    assert "other_group" not in split


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_emodb_tests_speakers_on_texts_that_models_know_neither_of(protocol: str, tmp_path: Path) -> None:
    if not (DATA / "emodb").exists():
        pytest.skip(f"no real recordings: {DATA / 'emodb'} is not there")
    view = LIBRARY["emodb-speaker-text"]
    clips = emodb.read(DATA / "emodb")
    split = made(clips, view["split"] | {"protocol": protocol}, 1, tmp_path, group=view["group"])
    assert (roles(split).eq("test").sum(axis=1) == 1).all()
    assert 150 < np.mean(left_out(split)) < 190
