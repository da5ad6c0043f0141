# The validated configuration, and the functions that turn wildcards into inputs and parameters.
# Torch is not imported here: this file is read by every job's process.
import gc
import json
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# What planning makes stays until the end: looking through all of it for garbage took a quarter of the time of 10,000 runs.
gc.set_threshold(50_000, 20, 50)

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from soundbench.clipfiles import files_digest, folders_below
from soundbench.codedigest import code_digest
from soundbench.configuration import check_configuration
from soundbench.datachecks import is_archive
from soundbench.embedding_settings import embedded, embeddings
from soundbench.errors import InputError
from soundbench.pretrained import PUBLISHED, results_folder, weight_files
from soundbench.statuschecks import check_at_even_pace
from soundbench.storage import canonical_json
from soundbench.variants import ORIGINAL, variant_names

if slurm := sys.modules.get("snakemake_executor_plugin_slurm"):
    check_at_even_pace(slurm.Executor)

try:
    settings = check_configuration(config, workflow.configfiles)
except InputError as error:
    raise WorkflowError(str(error)) from None

selected = settings["benchmark"]


def one_of(names):
    """A wildcard constraint that admits these names and no others."""
    return "|".join(map(re.escape, names))


wildcard_constraints:
    source=one_of(settings["sources"]),
    dataset=one_of(settings["datasets"]),
    features=one_of(settings["features"]),
    model=one_of(settings["models"]),
    variant=one_of([ORIGINAL, *settings["augmentations"]]),
    seed=r"\d+",
    fold=r"\d+",
