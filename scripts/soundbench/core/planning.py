"""How Snakemake (9.27) plans and starts jobs: where they look for modules, and answers that are always the same.

Reading the parameters of input functions again and again, and taking the paths of scripts apart, was a sixth of the
time in which 10,000 trainings were planned.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

KEPT = 4096  # answers; a workflow has a few hundred functions and scripts


def let_jobs_import(folder: Path) -> None:
    """Let Python look for the modules of jobs in ``folder`` first, if this exists.

    Snakemake appends the folder of its scripts to the path of Python. An installed soundbench, which may be of another
    version, would come before it.
    """
    if folder.is_dir():
        os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


def remember_repeated_answers() -> None:
    """Let Snakemake keep the parameters of functions and the parts of addresses; once per process."""
    from snakemake import common, rules, sourcecache

    if hasattr(common.get_function_params, "cache_info"):  # by another copy of this workflow that is used as a module
        return
    common.get_function_params = rules.get_function_params = lru_cache(KEPT)(common.get_function_params)
    sourcecache.parse_uri = lru_cache(KEPT)(sourcecache.parse_uri)
