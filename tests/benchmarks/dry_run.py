"""What planning many training jobs costs: ``snakemake --dry-run`` of 10,000 of them, or the start of a finished study.

python tests/benchmarks/dry_run.py [--seeds 1000] [--models cnn resnet18]
python tests/benchmarks/dry_run.py --finished --seeds 100

Each seed and model is five folds. With ``--finished``, every output is there (as an empty file that Snakemake has
recorded), so that there is nothing to do. CPU seconds are what counts; on a busy machine the elapsed time says little.
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


def finish(workflow: Workflow, overlay: str) -> None:
    """Make an empty file or folder of every output, and let Snakemake record them as finished."""
    listed = workflow.run("--summary", "--cores", "1", "--configfile", overlay).stdout.splitlines()
    for line in listed[listed.index(next(line for line in listed if line.startswith("output_file"))) + 1 :]:
        output = workflow.folder / line.partition("\t")[0]
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.suffix:
            output.touch()
        else:
            output.mkdir()
    workflow.run("--touch", "--forceall", "--cores", "1", "--configfile", overlay)


def used() -> float:
    """CPU seconds of the processes that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def main() -> None:
    """Plan a study of that many seeds in a folder of its own, and print time and memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--models", nargs="+", default=["cnn", "resnet18"])
    parser.add_argument("--finished", action="store_true", help="start a finished study")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workflow = Workflow(Path(folder) / "workflow")
        benchmark = {"datasets": ["synthetic"], "models": arguments.models, "seeds": list(range(arguments.seeds))}
        overlay = workflow.overlay("large", benchmark=benchmark)
        if arguments.finished:
            finish(workflow, overlay)
        before, started = used(), time.monotonic()
        if arguments.finished:
            output = workflow.run("--cores", "1", "--configfile", overlay).stdout
            assert "Nothing to be done" in output, output
        else:
            planned = workflow.planned("--quiet", "host", "--jobs", "1", "--configfile", overlay)  # one job per fold
            output = f"{planned['train_model']} training jobs, {sum(planned.values())} jobs in all"
        elapsed = time.monotonic() - started
    print(output.strip())
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{elapsed:.1f} s elapsed, {used() - before:.1f} s CPU, {memory:.0f} MB")


if __name__ == "__main__":
    main()
