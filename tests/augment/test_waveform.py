"""Augmented copies: the effects, the clips whose copies are made, and that no copy leaks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from helpers.library import configuration, no_findings
from helpers.workflow import Workflow
from soundbench.augment.effects import pitch_shift, time_stretch
from soundbench.augment.gather import gather_copies
from soundbench.augment.waveform import apply_steps, augment_clips, copy_generator
from soundbench.core.errors import InputError
from soundbench.core.storage import read_clip_table
from soundbench.data.copies import required_copies, training_copies
from soundbench.data.shards import shard_names
from soundbench.data.splits import split_clips
from soundbench.data.subsets import view_clips
from soundbench.features.files import FeatureFiles
from soundbench.features.store import compute_features
from soundbench.report.pages.variants import show_variants
from soundbench.tasks.single_label import SingleLabel
from soundbench.training.batches import Copies, load_training
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs, Run

RATE = 16000


def tone(frequency: float = 440.0, seconds: float = 1.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def semitones(samples: np.ndarray, reference: float = 440.0) -> float:
    """How far a tone is above ``reference`` Hz, from the peak of its spectrum."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2**20))
    return 12 * np.log2(spectrum.argmax() / 2**20 * RATE / reference)


def augmented(samples: np.ndarray, *steps: dict[str, Any], copy: int = 1) -> np.ndarray:
    return apply_steps(samples, RATE, list(steps), copy_generator(0, "test", "clip", copy))


def signal_to_noise(clean: np.ndarray, noisy: np.ndarray) -> float:
    gain = noisy @ clean / (clean @ clean)  # a copy that would clip has been turned down
    return 10 * np.log10(np.square(gain * clean).sum() / np.square(noisy - gain * clean).sum())


@pytest.mark.parametrize("shift", [2, -3.5])
def test_pitch_shift_moves_the_pitch_and_keeps_the_length(shift: float) -> None:
    shifted = augmented(tone(), {"effect": "pitch_shift", "semitones": shift})
    assert len(shifted) == RATE
    assert semitones(shifted) == pytest.approx(shift, abs=0.1)


@pytest.mark.parametrize("rate", [0.9, 1.25])
def test_time_stretch_changes_the_length_and_keeps_the_pitch(rate: float) -> None:
    stretched = augmented(tone(), {"effect": "time_stretch", "rate": rate})
    assert len(stretched) == round(RATE / rate)
    assert semitones(stretched) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("factor", [0.9, 1.25])
def test_speed_changes_the_length_and_the_pitch_together(factor: float) -> None:
    faster = augmented(tone(), {"effect": "speed", "factor": factor})
    assert len(faster) == round(RATE / factor)
    assert semitones(faster) == pytest.approx(12 * np.log2(factor), abs=0.1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:n_fft")
@pytest.mark.parametrize("amount", [-24, -0.3, 0, 2, 24])
@pytest.mark.parametrize("length", [1, 1500, 2048, 20011])
def test_pitch_shift_and_time_stretch_are_librosas(length: int, amount: float) -> None:
    from helpers.reference import librosa

    samples = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    shifted = pitch_shift.apply(samples, RATE, copy_generator(0, "", "", 1), semitones=amount)
    assert shifted == pytest.approx(librosa.effects.pitch_shift(samples, sr=RATE, n_steps=amount), abs=1e-6)
    rate = 10 ** (amount / 24)
    stretched = time_stretch.apply(samples, RATE, copy_generator(0, "", "", 1), rate=rate)
    assert stretched == pytest.approx(librosa.effects.time_stretch(samples, rate=rate), abs=1e-6)


def test_low_pass_removes_what_is_above_and_keeps_what_is_below() -> None:
    low, high = tone(440), tone(3000)
    filtered = augmented((low + high) / 2, {"effect": "low_pass", "cutoff": 1000})
    assert np.abs(filtered - low / 2).max() < 1e-5
    assert np.array_equal(augmented(low, {"effect": "low_pass", "cutoff": RATE / 2}), low)


@pytest.mark.parametrize("snr", [10, 0])
def test_white_noise_has_the_asked_distance(snr: float) -> None:
    noisy = augmented(tone(), {"effect": "noise", "snr": snr, "recordings": None})
    assert signal_to_noise(tone(), noisy) == pytest.approx(snr, abs=0.1)
    assert np.abs(noisy).max() <= 1


def test_noise_comes_from_recordings(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hum.wav", tone(50, 0.3), RATE)
    noisy = augmented(tone(), {"effect": "noise", "snr": 6, "recordings": str(tmp_path)})
    assert signal_to_noise(tone(), noisy) == pytest.approx(6, abs=0.2)
    added = np.abs(np.fft.rfft(noisy - tone()))
    assert added.argmax() == 50


def test_a_silent_passage_of_noise_is_drawn_again(tmp_path: Path) -> None:
    padded = tmp_path / "padded.wav"
    soundfile.write(padded, np.pad(tone(50, 0.3), (0, 9 * RATE)), RATE)
    noise = {"effect": "noise", "snr": 6, "recordings": str(tmp_path)}
    clip = tone(seconds=0.2)
    for copy in range(1, 11):
        assert np.abs(augmented(clip, noise, copy=copy) - clip).max() > 0
    soundfile.write(padded, np.zeros(RATE), RATE)
    with pytest.raises(InputError, match=r"100 passages of 3200 samples were drawn as noise, and all are silent"):
        augmented(clip, noise)


@pytest.mark.parametrize("step", [{"effect": "speed", "factor": 10}, {"effect": "time_stretch", "rate": 10}])
def test_a_clip_of_which_nothing_is_left_is_named(clips: Path, step: dict[str, Any]) -> None:
    soundfile.write(clips.parent / "cat10.wav", np.full(4, 0.1), RATE)
    settings = {"steps": [step, {"effect": "low_pass", "cutoff": 1000}], "seed": 0}
    entry = view({"variants": ["noisy"], "labels": ["cat"]})
    folder = clips.parent / "noisy"
    with pytest.raises(InputError, match=rf"cat10\.wav: no sample is left after the effect {step['effect']}"):
        augment_clips(clips, "noisy", settings, [entry], f"{folder}.csv", folder, 1)


def test_silence_stays_silence() -> None:
    silence = np.zeros(RATE, np.float32)
    assert not augmented(silence, {"effect": "noise", "snr": 10, "recordings": None}).any()


def test_volume_and_time_shift() -> None:
    louder = augmented(0.5 * tone(), {"effect": "volume", "gain": 6})
    assert 20 * np.log10(np.abs(louder).max() / 0.25) == pytest.approx(6, abs=0.01)
    later = augmented(tone(), {"effect": "time_shift", "seconds": 0.25})
    assert (later == np.roll(tone(), RATE // 4)).all()


def test_chains_apply_every_step_and_draw_from_ranges() -> None:
    chain = ({"effect": "pitch_shift", "semitones": [1, 3]}, {"effect": "time_stretch", "rate": 0.8})
    first, second = augmented(tone(), *chain), augmented(tone(), *chain, copy=2)
    assert len(first) == len(second) == RATE / 0.8
    assert 0.9 < semitones(first) < 3.1
    assert abs(semitones(first) - semitones(second)) > 0.05


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """The clip table of four dogs, two cats and a hen in each of three folds."""
    rows = []
    for fold in (1, 2, 3):
        for label, number in [("dog", n) for n in range(4)] + [("cat", 0), ("cat", 1), ("hen", 0)]:
            path = tmp_path / f"{label}{fold}{number}.wav"
            noise = np.random.default_rng(len(rows)).standard_normal(RATE // 4)
            soundfile.write(path, 0.1 * noise, RATE)
            rows.append((path.stem, path, label, path.stem, fold, 0.25, RATE))
    columns = ["clip", "path", "label", "group", "fold", "seconds", "sample_rate"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "clips.csv", index=False)
    return tmp_path / "clips.csv"


def view(*rules: dict[str, Any], **changes: Any) -> dict[str, Any]:
    split = {"scheme": "official", "folds": 3, "protocol": "nested"}
    entry = {"source": "synthetic", "split": split, "augment": list(rules), **changes}
    return configuration(datasets={"own": entry})["datasets"]["own"]


def make_copies(clips: Path, variant: str, *views: dict[str, Any], threads: int = 1) -> pd.DataFrame:
    folder = clips.parent / "augmented" / variant
    settings = configuration()["augmentations"].get(variant, {"steps": [], "seed": 0})
    augment_clips(clips, variant, settings, list(views), f"{folder}.csv", folder, threads)
    return read_clip_table(f"{folder}.csv")


def test_copies_are_made_of_the_classes_that_views_augment(clips: Path) -> None:
    cats = view({"labels": ["cat"], "variants": ["noisy"], "copies": 2})
    hens = view({"labels": ["hen"], "variants": ["noisy", "pitchUp2"]}, keep=["hen", "dog"])
    table = make_copies(clips, "noisy", cats, hens)
    assert table.groupby("label").size().to_dict() == {"cat": 12, "hen": 3}
    files = {file.name for file in (clips.parent / "augmented" / "noisy").iterdir()}
    assert files == set(table["file"])
    assert {"cat10_noisy.flac", "cat10_noisy-2.flac", "hen10_noisy.flac"} <= files
    read = [soundfile.read(path)[0] for path in table["path"][:2]]
    assert table["clip"][0] == table["clip"][1]
    assert len(read[0]) == RATE // 4
    assert np.abs(read[0] - read[1]).max() > 0.001  # two draws of noise


@pytest.mark.slow
def test_order_and_workers_change_nothing(clips: Path) -> None:
    both = view({"variants": ["mixed"]})
    first = make_copies(clips, "mixed", both)
    before = {name: Path(path).read_bytes() for name, path in zip(first["file"], first["path"], strict=True)}
    read_clip_table(clips).iloc[::-1].to_csv(clips, index=False)
    second = make_copies(clips, "mixed", both, threads=3)
    assert {name: Path(path).read_bytes() for name, path in zip(second["file"], second["path"], strict=True)} == before
    assert len(set(before.values())) == len(before) == 21


@pytest.mark.parametrize("shards", [1, 3, 10])
def test_copies_of_shards_are_those_of_one_job(clips: Path, shards: int) -> None:
    many = view({"variants": ["noisy"], "copies": 3})
    table = make_copies(clips, "noisy", many)
    folder = clips.parent / "augmented" / "noisy"
    whole = Path(f"{folder}.csv").read_bytes(), {path.name: path.read_bytes() for path in folder.iterdir()}
    settings = configuration()["augmentations"]["noisy"]
    parts = [clips.parent / "shards" / shard for shard in shard_names(shards)]
    for part in parts:
        augment_clips(clips, "noisy", settings, [many], f"{part}.csv", part, 1, shard=part.name)
    assert sum(len(list(part.iterdir())) for part in parts) == len(table) == 63
    gather_copies([f"{part}.csv" for part in parts], parts, f"{folder}.csv", folder)
    shutil.rmtree(clips.parent / "shards")
    assert (Path(f"{folder}.csv").read_bytes(), {path.name: path.read_bytes() for path in folder.iterdir()}) == whole


def test_a_bad_clip_costs_one_shard(clips: Path) -> None:
    """The other shards are made, so that another run makes only the one that failed."""
    (clips.parent / "cat10.wav").write_text("no audio")
    settings, part = configuration()["augmentations"]["noisy"], clips.parent / "shards" / "2of2"
    asked = view({"variants": ["noisy"], "copies": 2})
    augment_clips(clips, "noisy", settings, [asked], f"{part}.csv", part, 1, shard="2of2")
    assert len(list(part.iterdir())) == 26
    with pytest.raises(InputError, match=r"2 of 16 copies cannot be made:\n.*cat10.wav"):
        augment_clips(clips, "noisy", settings, [asked], f"{part}.csv", part, 1, shard="1of2")


def test_seed_and_name_decide_what_is_drawn() -> None:
    def draw(*name: Any) -> float:
        return copy_generator(*name).uniform()

    assert draw(0, "noisy", "a", 1) == draw(0, "noisy", "a", 1)
    others = [(1, "noisy", "a", 1), (0, "mixed", "a", 1), (0, "noisy", "b", 1), (0, "noisy", "a", 2)]
    assert len({draw(0, "noisy", "a", 1), *(draw(*name) for name in others)}) == 5


def test_unusable_parents_are_all_named(clips: Path) -> None:
    (clips.parent / "cat10.wav").write_text("no audio")
    soundfile.write(clips.parent / "hen30.wav", np.full(RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    with pytest.raises(
        InputError, match=r"(?s)cat10\.wav: cannot be read.*hen30\.wav: 16000 of 16000 samples are not finite"
    ):
        make_copies(clips, "pitchUp2", view({"variants": ["pitchUp2"]}))
    assert not list((clips.parent / "augmented").iterdir())


def training_table(**counts: int) -> pd.DataFrame:
    names = [(f"{label}{n}", label) for label, size in counts.items() for n in range(size)]
    return pd.DataFrame(names, columns=["clip", "label"])


def test_copies_are_counted_by_variant() -> None:
    rules = view({"labels": ["cat"], "variants": ["noisy", "pitchUp2", "stretch0.9"], "copies": 2})["augment"]
    copies = training_copies(training_table(dog=5, cat=3), rules, seed=1)
    assert set(copies["clip"]) == {"cat0", "cat1", "cat2"}
    assert not copies.duplicated().any()
    assert len(copies) == 3 * 3 * 2


@pytest.mark.parametrize(
    "counts", [{"dog": 8, "cat": 4, "hen": 2}, {"dog": 7, "cat": 7, "hen": 3}, {"dog": 9, "hen": 1}]
)
def test_balance_makes_just_enough(counts: dict[str, int]) -> None:
    rules = view({"variants": ["noisy", "mixed"], "balance": True})["augment"]
    clips = training_table(**counts)
    copies = training_copies(clips, rules, seed=1)
    sizes = pd.concat([clips["label"], copies["label"]]).value_counts()
    assert set(sizes) == {max(counts.values())}
    assert not copies.duplicated().any()
    each = clips.merge(copies.groupby("clip").size().rename("copies"), on="clip", how="left").fillna({"copies": 0})
    spread = each.groupby("label")["copies"].agg(lambda number: number.max() - number.min())
    assert spread.max() <= 1  # dealt evenly
    shuffled = training_copies(clips.sample(frac=1, random_state=0), rules, seed=1)
    assert set(shuffled.itertuples(index=False)) == set(copies.itertuples(index=False))


def test_enough_copies_are_made_for_every_fold() -> None:
    rules = view({"variants": ["noisy", "pitchUp2"], "balance": True})["augment"]
    clips = training_table(dog=8, cat=8, hen=3)
    made = {
        name: set(required_copies([(clips, rules)], name, name == "noisy")["clip"]) for name in ("noisy", "pitchUp2")
    }
    for seed in range(10):
        copies = training_copies(clips.sample(frac=0.6, random_state=seed), rules, seed)
        assert all(clip in made[variant] for clip, variant in zip(copies["clip"], copies["variant"], strict=True))


def test_balance_counts_the_copies_of_earlier_rules() -> None:
    rules = view({"labels": ["hen"], "variants": ["noisy"]}, {"variants": ["mixed"], "balance": True})["augment"]
    copies = training_copies(training_table(dog=4, hen=2), rules, seed=0)
    assert len(copies) == 2


PETS = {"pets": ["dog", "cat"]}


@pytest.mark.parametrize(
    ("labels", "parents"),
    [
        (["dog"], {"dog"}),
        (["dog", "goose"], {"dog", "goose"}),
        (["pets"], {"dog", "cat"}),
        (["cat", "hen"], {"cat", "hen", "goose"}),  # hen is a class and a label: the class counts
    ],
)
def test_labels_of_the_source_are_augmented_within_a_merged_class(labels: list[str], parents: set[str]) -> None:
    sizes = {"dog": 5, "cat": 3, "hen": 2, "goose": 4}
    clips = view_clips(training_table(**sizes), {"merge": PETS | {"hen": ["goose"]}})
    rules = view({"labels": labels, "variants": ["noisy"], "copies": 2})["augment"]
    copies = training_copies(clips, rules, seed=1)
    assert {clip.rstrip("0123456789") for clip in copies["clip"]} == parents
    assert len(copies) == 2 * sum(sizes[label] for label in parents)
    assert set(copies["label"]) <= {"pets", "hen"}
    made = required_copies([(clips, rules)], "noisy", several=True)
    assert set(made.itertuples(index=False, name=None)) == set(zip(copies["clip"], copies["copy"], strict=True))


def test_balance_levels_a_merged_class_with_copies_of_one_of_its_labels() -> None:
    clips = view_clips(training_table(dog=1, cat=4, hen=12), {"merge": PETS})
    rules = view({"labels": ["dog"], "variants": ["noisy", "mixed"], "balance": True})["augment"]
    copies = training_copies(clips, rules, seed=1)
    assert copies["clip"].tolist() == ["dog0"] * 7
    assert training_copies(clips[clips["clip"] != "dog0"], rules, seed=1).empty
    made = {name: required_copies([(clips, rules)], name, several=True) for name in ("noisy", "mixed")}
    assert set(made["noisy"]["clip"]) == {"dog0"}
    for name, asked in copies.groupby("variant"):
        assert set(asked["copy"]) <= set(made[name]["copy"])


def test_a_split_of_merged_labels_remembers_those_of_the_source(clips: Path) -> None:
    rule = {"labels": ["cat"], "variants": ["noisy"]}
    audit = no_findings(clips.parent / "audit.csv")
    split_clips(clips, audit, "pets", view(rule, merge=PETS), 0, clips.parent / "split.csv")
    split = read_clip_table(clips.parent / "split.csv")
    assert dict(zip(split["clip"].str[:3], split["source_label"], strict=True)) == {n: n for n in ("dog", "cat", "hen")}
    assert set(split["label"]) == {"pets", "hen"}
    with pytest.raises(InputError, match=r"augment.0.labels: no clip has the label cow; there are cat, dog, hen, pets"):
        split_clips(clips, audit, "pets", view(rule | {"labels": ["cow"]}, merge=PETS), 0, clips.parent / "other.csv")


@pytest.fixture
def study(clips: Path) -> dict[str, Any]:
    """A split, features and copies, as the jobs before training leave them."""
    entry = view({"labels": ["hen", "cat"], "variants": ["noisy"], "copies": 2})
    split_clips(clips, no_findings(clips.parent / "audit.csv"), "pets", entry, 0, clips.parent / "split.csv")
    make_copies(clips, "noisy", entry)
    paths = {"features": clips.parent / "orig.npy", "index": clips.parent / "orig.csv"}
    front_end = configuration()["features"]["logmel64"]
    compute_features(clips, front_end, *paths.values(), 1)
    return paths | {"clips": clips, "entry": entry, "front_end": front_end, "folder": clips.parent}


def training_inputs(study: dict[str, Any]) -> dict[str, Any]:
    """Where the features of the clips and of their copies are, computed from the copies as they lie on the disk."""
    folder = study["folder"]
    noisy = (folder / "noisy.npy", folder / "noisy.csv")
    compute_features(study["clips"], study["front_end"], *noisy, 1, copies=folder / "augmented" / "noisy.csv")
    return {
        "features": FeatureFiles(study["features"], study["index"]),
        "variants": {"noisy": FeatureFiles(*map(str, noisy))},
    }


def training_part(study: dict[str, Any]) -> Any:
    """The training examples of the first fold."""
    inputs = training_inputs(study)
    split = read_clip_table(study["folder"] / "split.csv")
    features = inputs["features"]
    index = read_clip_table(features.index)
    task = SingleLabel(["cat", "dog", "hen"])
    copies = Copies(study["entry"]["augment"], inputs["variants"], seed=0)
    return load_training(features.array, index, split, split["fold1"], task, copies)


@pytest.mark.slow
def test_only_parents_in_training_bring_their_copies(study: dict[str, Any]) -> None:
    examples = training_part(study)
    assert len(examples) == 7 + 2 * (2 + 1)  # one of three folds trains; two cats and a hen in it, two copies each
    split, index = read_clip_table(study["folder"] / "split.csv"), read_clip_table(study["folder"] / "noisy.csv")
    parents = index.set_index("row")["clip"].loc[examples.rows[examples.sources == 1]]
    assert set(split.set_index("clip").loc[parents, "fold1"]) == {"train"}
    assert len(set(examples.rows[examples.sources == 1])) == 6
    assert examples.features(np.arange(len(examples))).shape == (13, 64, 1 + 5513 // 512)


@pytest.mark.slow
def test_a_planted_copy_of_a_test_clip_is_refused(study: dict[str, Any]) -> None:
    split = read_clip_table(study["folder"] / "split.csv").set_index("clip")
    hens = split[split["label"] == "hen"]["fold1"]
    tested, trained = hens.index[hens == "test"][0], hens.index[hens == "train"][0]
    path = study["folder"] / "augmented" / "noisy.csv"
    table = read_clip_table(path)
    table.loc[table["clip"] == trained, ["file", "path"]] = table.loc[table["clip"] == tested, ["file", "path"]].values
    table.to_csv(path, index=False)
    inputs = Inputs(split=str(study["folder"] / "split.csv"), measures="", **training_inputs(study))
    recipe = configuration()["models"]["cnn"]
    run = Run("data", "cnn", 0, 1, "nested", recipe, study["front_end"], augment=study["entry"]["augment"])
    with pytest.raises(InputError, match=rf"{tested}_noisy\.flac is listed as a copy of {trained}, .* role is 'test'"):
        train_model(run, inputs, Outputs(study["folder"] / "run"), Execution(1, 60))
    assert not (study["folder"] / "run").exists()


def test_a_parent_without_copies_is_named(study: dict[str, Any]) -> None:
    path = study["folder"] / "augmented" / "noisy.csv"
    table = read_clip_table(path)
    table[table["label"] != "hen"].to_csv(path, index=False)
    with pytest.raises(InputError, match=r"noisy: no copy was made of hen"):
        training_part(study)


@pytest.mark.slow
def test_one_clip_is_shown_in_all_its_variants(study: dict[str, Any]) -> None:
    folder, entry = study["folder"], study["entry"]
    originals = make_copies(study["clips"], "orig", entry)
    assert set(originals["clip"]) == {
        f"{name}{fold}{n}" for name, n in [("cat", 0), ("cat", 1), ("hen", 0)] for fold in (1, 2, 3)
    }
    untouched = soundfile.read(originals["path"][0])[0]
    assert (untouched == soundfile.read(folder / f"{originals['clip'][0]}.wav")[0]).all()
    variants = configuration()["augmentations"] | {"orig": {"steps": []}}
    tables = {name: str(folder / "augmented" / f"{name}.csv") for name in ("orig", "noisy")}
    show_variants(folder / "split.csv", entry["augment"], variants, tables, folder / "page.html", folder / "figure.svg")
    page = (folder / "page.html").read_text()
    assert page.count('<audio controls preload="metadata" src="data:audio/mpeg;base64,') == 2
    assert "noise (snr 15 dB)" in page
    assert "http://" not in page and "https://" not in page
    assert (folder / "figure.svg").stat().st_size > 10_000


def shown(clips: Path, entry: dict[str, Any]) -> str:
    """The page of the variants of a view, made as the jobs make it."""
    folder = clips.parent
    split_clips(clips, no_findings(folder / "audit.csv"), "pets", entry, 0, folder / "split.csv")
    for name in ("orig", "quieter"):
        make_copies(clips, name, entry)
    variants = configuration()["augmentations"] | {"orig": {"steps": []}}
    tables = {name: str(folder / "augmented" / f"{name}.csv") for name in ("orig", "quieter")}
    show_variants(folder / "split.csv", entry["augment"], variants, tables, folder / "page.html", folder / "figure.svg")
    return (folder / "page.html").read_text()


def test_a_clip_with_numbers_is_shown_with_them(clips: Path) -> None:
    table = read_clip_table(clips)
    table.assign(age=range(len(table)), height=1.5).to_csv(clips, index=False)
    rule = {"variants": ["quieter"], "values": {"age": [3, 5]}}
    page = shown(clips, view(rule, task="regression", values=["age", "height"]))
    assert "(<bdi>age 3, height 1.5</bdi>)" in page
    assert '<td class="text">age 3 to 5</td>' in page
    assert page.count("<audio") == 2


def test_a_clip_of_balanced_classes_is_shown_without_copies(clips: Path) -> None:
    table = read_clip_table(clips)
    table.groupby(["label", "fold"]).head(1).to_csv(clips, index=False)
    page = shown(clips, view({"variants": ["quieter"], "balance": True}))
    assert "No clip of the whole data set needs a copy" in page
    assert page.count("<audio") == 1


def test_labels_that_no_clip_has_are_refused(clips: Path) -> None:
    entry = view({"labels": ["dog", "kat"], "variants": ["noisy"]})
    with pytest.raises(InputError, match=r"augment\.0\.labels: no clip has the label kat; there are cat, dog, hen"):
        split_clips(clips, no_findings(clips.parent / "audit.csv"), "pets", entry, 0, clips.parent / "split.csv")


OWN = {"source": "synthetic", "split": {"scheme": "official", "protocol": "nested"}}


@pytest.mark.parametrize(("overlay", "problem"), [
    ({"augmentations": {"own": {"steps": [{"effect": "time_stretch", "rate": 0}]}}}, "augmentations.own.steps.0.rate"),
    ({"augmentations": {"own": {"steps": [{"effect": "volume", "gain": [3, -3]}]}}}, "augmentations.own.steps.0.gain"),
    ({"augmentations": {"own": {"steps": [{"effect": "echo"}]}}}, "augmentations.own.steps.0.effect"),
    ({"augmentations": {"own": {"steps": []}}}, "augmentations.own.steps"),
    ({"augmentations": {"orig": {"steps": [{"effect": "volume", "gain": 3}]}}}, "augmentations.orig"),
    ({"datasets": {"own": OWN | {"augment": [{"variants": ["noisi"]}]}}}, "did you mean 'noisy'?"),
    ({"datasets": {"own": OWN | {"augment": [{"variants": ["noisy"], "copies": 2, "balance": True}]}}}, "0.copies"),
])  # fmt: skip
def test_impossible_variants_are_refused_with_their_key(overlay: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError) as refusal:
        configuration(**overlay)
    assert len(refusal.value.problems) == 1
    assert problem in refusal.value.problems[0]


def test_noise_folders_are_checked_if_they_are_used(tmp_path: Path) -> None:
    street = {"street": {"steps": [{"effect": "noise", "snr": 10, "recordings": str(tmp_path)}]}}
    datasets = {"own": OWN | {"augment": [{"variants": ["street"]}]}}
    configuration(augmentations=street, datasets=datasets)
    benchmark = {"datasets": ["own"]}
    with pytest.raises(
        InputError, match=r"augmentations\.street\.steps\.0\.recordings: .* is not a folder with audio files"
    ):
        configuration(augmentations=street, datasets=datasets, benchmark=benchmark)
    soundfile.write(tmp_path / "street.wav", tone(), RATE)
    configuration(augmentations=street, datasets=datasets, benchmark=benchmark)


@pytest.mark.slow
def test_recipe_plans(workflow: Workflow, tmp_path: Path) -> None:
    overlay = workflow.overlay("own", sources={"esc50": {"root": str(tmp_path)}})
    planned = workflow.planned("--configfile", "config/recipes/augmentation.yaml", overlay)
    assert (planned["train_folds_5"], planned["train_model"]) == (3 * 3, 3 * 3 * 5)  # one is small, one is not
    assert planned["augment_clips"] == 4  # three variants and the untouched clips, shared by both views
    assert planned["show_variants"] == 2


@pytest.mark.slow
def test_esc10_with_and_without_augmentation(workflow: Workflow, esc10_quarter: Path) -> None:
    three = {"source": "esc50", "keep": ["dog", "rain", "rooster"]}
    split = {"scheme": "official", "protocol": "literature"}
    rule = {"labels": ["dog"], "variants": ["noisy", "pitchUp2", "stretch0.9"]}
    training = {"epochs": 2, "augment": {"roll": 1.0, "gain": 6, "mixup": 0.2, "spec_augment": {}}}
    overlay = workflow.overlay(
        "own",
        benchmark={"datasets": ["plain", "augmented"], "models": ["small"], "seeds": [1]},
        sources={"esc50": {"root": str(esc10_quarter)}},
        datasets={"plain": three | {"split": split}, "augmented": three | {"split": split, "augment": [rule]}},
        models={"small": {"family": "cnn", "features": "logmel64", "width": 4, "training": training}},
    )
    wanted = ["results/summary/leaderboard.csv", "results/summary/augmented/variants.html"]
    workflow.run("--cores", "2", *wanted, "--configfile", overlay)
    board = pd.read_csv(workflow.results / "summary" / "leaderboard.csv")
    assert board["dataset"].tolist() == ["plain", "augmented"]
    assert len(list((workflow.results / "augmented" / "esc50" / "noisy").glob("*_noisy.flac"))) == 10
    page = (workflow.results / "summary" / "augmented" / "variants.html").read_text()
    assert page.count("<audio") == 4
    assert 'src="data:audio/mpeg;base64,' in page
