"""How long evaluating (from predictions) and aggregating 1,000 runs of 400 clips takes: at most 60 s.

python tests/benchmarks/time_aggregation.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent / "scripts")]

from helpers.simulated import Study, write_report
from soundbench.core.storage import read_clip_table
from soundbench.tasks.single_label import SingleLabel

with tempfile.TemporaryDirectory() as folder:
    models = {f"model{number:02d}": 1 + number / 10 for number in range(20)}
    sets = tuple(f"set{number}" for number in range(10))
    study = Study(Path(folder), models, (1, 2, 3, 4, 5), sets, classes=10, takes=8, folds=5).write()
    task = SingleLabel(study.labels)
    groups = study.clips().set_index("clip")["group"]
    started, used = time.perf_counter(), time.process_time()
    for path in study.files("predictions.csv"):
        table = read_clip_table(path)
        task.scores(table)
        task.details(table, groups)
        for _, part in table.groupby("fold"):
            task.scores(part)
    evaluated = time.perf_counter()
    write_report(study, pages=False)
    done = time.perf_counter()
    print(f"{len(study.runs())} runs of {len(study.clips())} clips")
    print(
        f"processor time {time.process_time() - used:.1f} s (on a busy machine, what the rest would be on an idle one)"
    )
    print(f"evaluating {evaluated - started:.1f} s, aggregating {done - evaluated:.1f} s, both {done - started:.1f} s")
