"""CPU time and peak memory of the jobs that go through all runs: tables, figures and the page.

    python tests/benchmarks/time_aggregation.py [--datasets 20] [--models 20] [--seeds 5] [--folder FOLDER]

The runs are simulated, of 400 clips in 10 classes and 5 folds. All data sets are views of one source, so that they are
compared with each other too. Each step runs in a process of its own, so that its peak is its own. For 20 data sets, 20
models and 5 seeds they should take 60 s of CPU time together, and at most 1 GB each.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

from benchmarks.scale import Used, measured
from helpers.simulated import Study, table_steps, write_figures, write_pages
from soundbench.core.job_log import THRESHOLDS


def write_ledger(study: Study) -> None:
    """Write the ledger of the trainings."""
    from soundbench.evaluation.ledger import Inputs, aggregate_ledger

    views = {name: view | {"source": "measures"} for name, view in study.plan["datasets"].items()}
    folds = [study.fold_files(name) for name in ("model.json", "history.csv")]
    inputs = Inputs([], *folds, study.splits(), [str(study.root / "measures.csv")], str(study.root / "evaluated"))
    aggregate_ledger(inputs, study.plan | {"datasets": views}, str(study.root / "summary" / "ledger.csv"))


def steps(study: Study) -> dict[str, Callable[[], None]]:
    """All jobs by name, in an order in which they can run."""
    pages = {"figures": lambda: write_figures(study), "report": lambda: write_pages(study)}
    return {**table_steps(study), "ledger": lambda: write_ledger(study), **pages}


def run(study: Study, name: str) -> Used:
    """Run one job in this process, which has run nothing else."""
    gc.set_threshold(*THRESHOLDS)
    return measured(lambda _: steps(study)[name](), study.root)


def table(results: dict[str, Used]) -> str:
    """One line per job, then the sum of the times and the largest of the peaks."""
    times, peaks = zip(*results.values(), strict=True)
    rows = {**results, "all": Used(sum(times), max(peaks))}
    lines = [f"{name:<16}{used.cpu:>9.1f}{used.peak:>9.0f}" for name, used in rows.items()]
    return "\n".join(["step                CPU s  peak MB", *lines])


def measure(study: Study, names: list[str]) -> dict[str, Used]:
    """What each job uses, in a process of its own."""
    used = {}
    for name in names:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            used[name] = pool.submit(run, study, name).result()
    return used


def main() -> None:
    """Simulate the runs if there are none in the folder, run all jobs, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", type=int, default=20)
    parser.add_argument("--models", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the runs are kept for the next time")
    parser.add_argument("--steps", nargs="+", help="only these jobs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = {f"model{number:02d}": 1 + number / 10 for number in range(arguments.models)}
        datasets = tuple(f"set{number:02d}" for number in range(arguments.datasets))
        seeds = tuple(range(1, arguments.seeds + 1))
        study = Study(
            arguments.folder or Path(folder), models, seeds, datasets, classes=10, takes=8, folds=5, audio=True
        )
        if not (study.root / "clips.csv").exists():
            study.write()
        print(f"{len(study.runs())} runs of {len(study.clips())} clips")
        print(table(measure(study, arguments.steps or list(steps(study)))))


if __name__ == "__main__":
    main()
