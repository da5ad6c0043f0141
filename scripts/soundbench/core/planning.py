"""Work that Snakemake (9.27) repeats for every job when it plans, although the answer is always the same.

Reading the parameters of input functions again and again, and taking the paths of scripts apart, was a sixth of the
time in which 10,000 trainings were planned.
"""

from __future__ import annotations

from functools import lru_cache

KEPT = 4096  # answers; a workflow has a few hundred functions and scripts


def remember_repeated_answers() -> None:
    """Let Snakemake keep the parameters of functions and the parts of addresses; once per process."""
    from snakemake import common, rules, sourcecache

    if hasattr(common.get_function_params, "cache_info"):  # by another copy of this workflow that is used as a module
        return
    common.get_function_params = rules.get_function_params = lru_cache(KEPT)(common.get_function_params)
    sourcecache.parse_uri = lru_cache(KEPT)(sourcecache.parse_uri)
