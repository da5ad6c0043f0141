"""How long indexing and auditing take: python tests/benchmarks/audit.py [--clips 2000] [--threads 2] [--like FOLDER]

Clips are noise with bursts, 5 s at 44.1 kHz, or copies of the WAV files of a folder. With --landmarks N, only the
search for near-duplicates is timed, on the landmarks of N imagined clips.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from soundbench.data.fingerprints import near_duplicates
from soundbench.data.index import IndexFiles, index_clips
from soundbench.report.pages.audit import audit_clips

VIEW = {
    "split": {"scheme": "official", "folds": 5},
    "audit": {"silent": -60, "clipped": 0.002, "short": 0.25, "long": 4, "near_duplicate": 0.3},
}


def write_collection(root: Path, clips: int, like: Path | None) -> None:
    """ESC-50's layout with so many clips, of 50 classes in 5 folds."""
    (root / "audio").mkdir()
    (root / "meta").mkdir()
    models = sorted(like.glob("*.wav")) if like else []
    rows, noise = [], np.random.default_rng(0)
    for number in range(clips):
        path = root / "audio" / f"{number}.wav"
        if models:
            shutil.copyfile(models[number % len(models)], path)
        else:
            bursts = np.repeat(noise.uniform(0, 0.3, 100), 2205)
            soundfile.write(path, bursts * noise.standard_normal(220500), 44100)
        rows.append((path.name, number // 50 % 5 + 1, f"class{number % 50}", False, f"g{number}"))
    table = pd.DataFrame(rows, columns=["filename", "fold", "category", "esc10", "src_file"])
    table.to_csv(root / "meta" / "esc50.csv", index=False)


def imagined(clips: int) -> list[np.ndarray]:
    """300 landmarks a clip, in 216 frames, denser at low frequencies as those of real sounds are."""
    rng = np.random.default_rng(0)
    return [
        np.column_stack([np.sort(rng.integers(0, 216, 300)), (451 * rng.beta(1, 2, 300)).astype(int)]).astype(np.uint16)
        for _ in range(clips)
    ]


def report(what: str, seconds: float, clips: int) -> None:
    print(f"{what:<22}{seconds:8.2f} s{1000 * seconds / clips:8.2f} ms a clip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--like", type=Path)
    parser.add_argument("--landmarks", type=int)
    given = parser.parse_args()
    if given.landmarks:
        points, started = imagined(given.landmarks), time.perf_counter()
        near_duplicates(points, 0.3)
        report("near-duplicates", time.perf_counter() - started, given.landmarks)
    else:
        with tempfile.TemporaryDirectory() as folder:
            time_collection(Path(folder), given.clips, given.threads, given.like)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def time_collection(root: Path, clips: int, threads: int, like: Path | None) -> None:
    write_collection(root, clips, like)
    files = {name: root / f"{name}.csv" for name in ("clips", "measures")}
    files |= {"landmarks": root / "landmarks.npz", "notes": root / "notes.json"}
    started = time.perf_counter(), time.process_time()
    index_clips({"reader": "esc50"}, root, "fail", threads, IndexFiles(**files))
    indexed = time.perf_counter(), time.process_time()
    audit_clips(*list(files.values())[1:], "own", VIEW, root / "audit.csv", root / "audit.html")
    done = time.perf_counter(), time.process_time()
    for place, clock in enumerate(("elapsed", "processor")):
        report(f"index, {clock}", indexed[place] - started[place], clips)
        report(f"audit, {clock}", done[place] - indexed[place], clips)


if __name__ == "__main__":
    main()
