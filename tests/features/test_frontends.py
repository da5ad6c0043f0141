"""Front-ends against the libraries that define them, and how features are stored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from helpers.library import configuration, front_end
from helpers.reference import librosa
from helpers.workflow import REPOSITORY
from soundbench.core.errors import InputError
from soundbench.features.clip_features import fixed_size
from soundbench.features.front_ends import FRONT_ENDS, logmel, mfcc
from soundbench.features.mel_filters import empty_filters
from soundbench.features.normalisation import Normalisation
from soundbench.features.settings import EMBEDDING, values_per_decibel
from soundbench.features.store import compute_features
from soundbench.report.figures.features import draw_features

RATE = 22050


def sound(seconds: float = 1.0, rate: int = RATE, seed: int = 0) -> np.ndarray:
    """A chirp in noise, as float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * (300 + 1500 * time) * time) + 0.02 * rng.standard_normal(len(time))).astype("f4")


def clip_table(folder: Path, *clips: tuple[float, int]) -> Path:
    """WAV files of these lengths (s) and rates (Hz), and their clip table."""
    rows = []
    for number, (seconds, rate) in enumerate(clips):
        path = folder / f"clip{number}.wav"
        soundfile.write(path, sound(seconds, rate, number), rate)
        rows.append((path.stem, path, "a", number, 1, seconds, rate))
    columns = ["clip", "path", "label", "group", "fold", "seconds", "sample_rate"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "clips.csv", index=False)
    return folder / "clips.csv"


def computed(folder: Path, table: Path, settings: dict[str, Any], threads: int = 1) -> tuple[np.ndarray, pd.DataFrame]:
    compute_features(table, settings, folder / "orig.npy", folder / "orig.csv", threads)
    return np.load(folder / "orig.npy"), pd.read_csv(folder / "orig.csv")


@pytest.mark.parametrize(
    "changes",
    [
        {"hop_length": 256, "n_mels": 128},
        {"n_fft": 2048, "win_length": 1200, "hop_length": 441, "n_mels": 40, "fmin": 50, "fmax": 8000},
        {"power": 1},
    ],
)
def test_log_mel_is_librosas(changes: dict[str, Any]) -> None:
    settings = front_end(front_end="logmel", **changes)
    names = ("n_fft", "win_length", "hop_length", "n_mels", "fmin", "fmax", "power")
    mels = librosa.feature.melspectrogram(y=sound(), sr=RATE, pad_mode="constant", **{k: settings[k] for k in names})
    expected = librosa.power_to_db(mels ** (2 / settings["power"]), top_db=None)
    ours = logmel.compute(sound(), RATE, settings).numpy()
    assert ours.shape == expected.shape
    assert np.abs(ours - expected).max() < 1e-3


@pytest.mark.parametrize(("scale", "function"), [("log", np.log), ("log1p", np.log1p)])
def test_scales(scale: str, function: Any) -> None:
    mels = librosa.feature.melspectrogram(
        y=sound(), sr=RATE, n_fft=1024, hop_length=512, n_mels=64, pad_mode="constant"
    )
    ours = logmel.compute(sound(), RATE, front_end(front_end="logmel", scale=scale)).numpy()
    assert ours == pytest.approx(function(np.maximum(mels, 1e-10)), abs=1e-3)


@pytest.mark.parametrize("changes", [{"scale": "db"}, {"scale": "log", "power": 1}, {"scale": "db", "power": 1}])
def test_a_decibel_changes_values_by_the_stated_amount(changes: dict[str, Any]) -> None:
    settings = front_end(front_end="logmel", **changes)
    louder = logmel.compute(sound() * np.float32(10 ** (3 / 20)), RATE, settings) - logmel.compute(
        sound(), RATE, settings
    )
    assert louder.mean() == pytest.approx(3 * values_per_decibel(settings), rel=1e-3)


def test_mfcc_is_librosas() -> None:
    settings = front_end("mfcc20")
    mels = librosa.feature.melspectrogram(
        y=sound(), sr=RATE, n_fft=1024, hop_length=512, n_mels=64, pad_mode="constant"
    )
    expected = librosa.feature.mfcc(S=librosa.power_to_db(mels, top_db=None), n_mfcc=20)
    assert mfcc.compute(sound(), RATE, settings).numpy() == pytest.approx(expected, abs=1e-2)


@pytest.mark.parametrize("seconds", [0.01, 3.0, 12.0])
def test_ast_is_that_of_transformers(tmp_path: Path, seconds: float) -> None:
    from transformers import ASTFeatureExtractor

    array, index = computed(tmp_path, clip_table(tmp_path, (seconds, 16000)), settings := front_end("ast"))
    samples, _ = soundfile.read(tmp_path / "clip0.wav", dtype="float32")
    samples = np.pad(samples, (0, max(0, 400 - len(samples))))  # theirs refuses what is shorter than its window
    expected = ASTFeatureExtractor()(samples, sampling_rate=16000, return_tensors="np").input_values[0]
    normalise = Normalisation(settings["mean"], settings["std"])
    ours = normalise(torch.from_numpy(array[0]).float()).numpy().T  # as stored, in float16
    assert ours.shape == expected.shape == (1024, 128)
    assert np.abs(ours - expected).max() < 1e-3
    assert index["frames"].tolist() == [1024]


def test_ready_made_front_ends(tmp_path: Path) -> None:
    table = clip_table(tmp_path, (1.0, 44100), (0.4, 44100))
    square, index = computed(tmp_path, table, front_end("logmel64-square"))
    assert square.shape == (2, 64, 64)
    assert index["frames"].tolist() == [64, 64]
    assert np.float32(square).mean(axis=(1, 2)) == pytest.approx(0, abs=0.1)
    wide, index = computed(tmp_path, table, front_end("logmel80-log1p"))
    assert wide.shape == (2, 80, 1 + 44100 // 256)  # the file's own rate
    assert wide.min() >= 0
    assert index["frames"].tolist() == [173, 1 + 17640 // 256]


def test_clips_of_different_length_are_padded_and_their_frames_kept(tmp_path: Path) -> None:
    settings = front_end(front_end="logmel")
    array, index = computed(tmp_path, clip_table(tmp_path, (1.0, RATE), (0.5, RATE)), settings)
    assert array.dtype == np.float16
    assert array.shape == (2, 64, 44)
    frames = index["frames"].tolist()
    assert frames == [44, 1 + 11025 // 512]
    own = array[1, :, : frames[1]]
    assert (array[1, :, frames[1] :] == own.min()).all()
    assert own == pytest.approx(
        logmel.compute(soundfile.read(tmp_path / "clip1.wav", dtype="float32")[0], RATE, settings), abs=0.05
    )


def test_duration_crops_and_pads(tmp_path: Path) -> None:
    settings = front_end(front_end="logmel", duration=0.6, normalise="clip")
    array, index = computed(tmp_path, clip_table(tmp_path, (1.0, RATE), (0.5, RATE)), settings)
    assert array.shape == (2, 64, 1 + 13230 // 512)
    assert index["frames"].tolist() == [26, 22]
    assert np.float32(array[1, :, :22]).mean() == pytest.approx(0, abs=0.01)
    assert np.float32(array[1, :, :22]).std() == pytest.approx(1, abs=0.01)


def test_resized_padding_keeps_its_share() -> None:
    settings = front_end(front_end="logmel", duration=2.0, resize=[32, 40])
    resized, frames = fixed_size(torch.rand(64, 50), 100, settings)
    assert resized.shape == (32, 40)
    assert frames == 20


def test_threads_change_nothing(tmp_path: Path) -> None:
    table, settings = clip_table(tmp_path, *[(0.3, 44100)] * 6), front_end("logmel64")
    first, _ = computed(tmp_path, table, settings)
    second, _ = computed(tmp_path, table, settings, threads=3)
    assert first.tobytes() == second.tobytes()


def test_unusable_clips_are_all_named_and_nothing_is_left(tmp_path: Path) -> None:
    table = clip_table(tmp_path, *[(0.3, RATE)] * 3)
    (tmp_path / "clip0.wav").write_text("no audio")
    soundfile.write(tmp_path / "clip2.wav", np.full(5000, np.nan, "f4"), RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=r"(?s)clip0\.wav: cannot be read.*clip2\.wav: 5000 of 5000"):
        computed(tmp_path, table, front_end("logmel64"))
    assert not list(tmp_path.glob("*orig*"))


def test_own_rates_are_checked_when_they_are_known(tmp_path: Path) -> None:
    table = clip_table(tmp_path, (0.3, 44100), (0.3, 16000))
    with pytest.raises(InputError, match=r"fmax: 12000 Hz is above half the sample rate, 8000 Hz"):
        computed(tmp_path, table, front_end(front_end="logmel", sample_rate=None, fmax=12000))


@pytest.mark.parametrize(
    "rate, n_fft, n_mels, fmin, fmax",
    [
        (22050, 1024, 64, 0, 11025),
        (16000, 512, 128, 0, 8000),
        (44100, 1024, 128, 20, 20000),
        (8000, 64, 40, 0, 4000),
    ],
)
def test_empty_filters_are_counted_as_torchaudio_has_them(
    rate: int, n_fft: int, n_mels: int, fmin: int, fmax: int
) -> None:
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(n_fft // 2 + 1, fmin, fmax, n_mels, rate, norm="slaney", mel_scale="slaney")
    assert empty_filters(rate, n_fft, n_mels, fmin, fmax) == int((filters.max(dim=0).values == 0).sum())


@pytest.mark.parametrize(("settings", "problem"), [
    ({"fmax": 12000}, "features.own.fmax: 12000 Hz is above half the sample rate, 11025 Hz"),
    ({"fmin": 9000, "fmax": 8000}, "features.own.fmin"),
    ({"hop_length": 0}, "features.own.hop_length"),
    ({"n_fft": 256, "n_mels": 128}, "features.own.n_mels: "),
    ({"win_length": 2048}, "features.own.win_length"),
    ({"normalise": "fixed", "mean": 0}, "features.own.std"),
    ({"front_end": "mfcc", "n_mfcc": 80}, "features.own.n_mfcc"),
    ({"front_end": "ast", "sample_rate": 44100}, "features.own.sample_rate"),
    ({"resize": [64]}, "features.own.resize"),
    ({"scale": "dB"}, "did you mean 'db'?"),
])  # fmt: skip
def test_impossible_settings_are_refused_with_their_key(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError) as refusal:
        configuration(features={"own": {"front_end": "logmel"} | settings})
    assert len(refusal.value.problems) == 1
    assert problem in refusal.value.problems[0]


@pytest.mark.slow
def test_front_ends_have_what_they_need() -> None:
    required = {"concatenated": {"parts": [{"front_end": "texture"}, {"front_end": "rocket"}]}}
    for name in set(FRONT_ENDS.names) - {EMBEDDING, "opensmile"}:  # which may not be installed
        module = FRONT_ENDS.load(name)
        assert module.bins(front_end(front_end=name, **required.get(name, {}))) > 0
        assert callable(module.compute)


def test_images_show_frames_without_padding(tmp_path: Path) -> None:
    from PIL import Image

    computed(tmp_path, clip_table(tmp_path, (1.0, RATE), (0.5, RATE)), front_end("logmel64"))
    draw_features(tmp_path / "orig.npy", tmp_path / "orig.csv", "orig", tmp_path / "features")
    assert sorted(file.name for file in (tmp_path / "features").iterdir()) == ["clip0_orig.png", "clip1_orig.png"]
    assert Image.open(tmp_path / "features" / "clip1_orig.png").size == (22, 64)


LARGER_THAN_MEMORY = """
import resource, sys
import numpy as np, pandas as pd, torch
from soundbench.tasks.single_label import SingleLabel
from soundbench.training.batches import load_examples
clips = pd.DataFrame({"clip": [str(n) for n in range(%(clips)d)], "label": "a"})
examples = load_examples(sys.argv[1], clips.assign(row=range(len(clips))), clips, SingleLabel(["a"]))
normalise = examples.normalisation()
used = int(next(line for line in open("/proc/self/status") if line.startswith("VmData")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + %(spare)d,) * 2)
seen = 0
for chosen in torch.arange(len(examples)).split(32):
    features, _ = examples.batch(chosen, normalise, torch.device("cpu"))
    seen += len(features)
assert seen == len(clips)
try:
    np.ones(np.load(sys.argv[1], mmap_mode="r").nbytes, np.uint8)
except MemoryError:
    print("does not fit into memory")
"""


@pytest.mark.slow
def test_an_array_larger_than_memory_is_read_through_the_map(tmp_path: Path) -> None:
    clips, shape = 4000, (128, 256)
    np.lib.format.open_memmap(tmp_path / "big.npy", "w+", np.float16, (clips, *shape))  # a sparse file of 262 MB
    code = LARGER_THAN_MEMORY % {"clips": clips, "spare": 128 * 2**20}
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "big.npy"], cwd=REPOSITORY / "scripts", capture_output=True, text=True
    )
    assert done.stdout.strip() == "does not fit into memory", done.stderr
