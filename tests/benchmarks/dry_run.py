"""What planning many training jobs costs: ``snakemake --dry-run`` of 10,000 of them.

python tests/benchmarks/dry_run.py [--seeds 1000] [--models cnn resnet18]

Each seed and model is five folds. CPU seconds are what counts; on a busy machine the elapsed time says little.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from helpers.workflow import Workflow


def main() -> None:
    """Plan a study of that many seeds in a folder of its own, and print time and memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--models", nargs="+", default=["cnn", "resnet18"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workflow = Workflow(Path(folder) / "workflow")
        benchmark = {"datasets": ["synthetic"], "models": arguments.models, "seeds": list(range(arguments.seeds))}
        overlay = workflow.overlay("large", benchmark=benchmark)
        started = time.monotonic()
        planned = workflow.planned("--quiet", "host", "--jobs", "1", "--configfile", overlay)  # one job per fold
        elapsed = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{planned['train_model']} training jobs, {sum(planned.values())} jobs in all")
    print(f"{elapsed:.1f} s elapsed, {used.ru_utime + used.ru_stime:.1f} s CPU, {used.ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
