"""What Snakemake's planning remembers; in a process of its own, because it changes Snakemake's modules."""

from __future__ import annotations

import subprocess
import sys

from helpers.workflow import REPOSITORY

PROGRAM = """
from snakemake import common, rules, sourcecache
from soundbench.core.planning import remember_repeated_answers

def function(wildcards, input, attempt):
    ...

address = "https://example.org/a/file.txt"
parameters = dict(common.get_function_params(function))
parts = sourcecache.parse_uri(address)
remember_repeated_answers()
remembered = common.get_function_params
remember_repeated_answers()  # by another workflow of the same process
assert common.get_function_params is rules.get_function_params is remembered
for _ in range(2):
    assert dict(common.get_function_params(function)) == parameters
    assert sourcecache.parse_uri(address) == parts
print(remembered.cache_info().hits, sourcecache.parse_uri.cache_info().hits)
"""


def test_answers_are_the_same_and_asked_for_once() -> None:
    environment = {"PYTHONPATH": str(REPOSITORY / "scripts")}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["1", "1"], done.stderr
