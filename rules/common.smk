# The validated configuration, and the functions that turn wildcards into inputs and parameters.
# Torch is not imported here: this file is read by every job's process.
import gc
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# What planning makes stays until the end: looking through all of it for garbage took a quarter of the time of 10,000 runs.
gc.set_threshold(50_000, 20, 50)

# Beside this workflow's own Snakefile; workflow.basedir is the folder of the workflow that uses this one as a module.
HERE = Path(workflow.current_basedir).parent
sys.path.insert(0, str(HERE / "scripts"))

from soundbench.clipfiles import files_digest, folders_below
from soundbench.codedigest import code_digest
from soundbench.configuration import read_configuration
from soundbench.datachecks import is_archive
from soundbench.embedding_settings import embedded, embeddings
from soundbench.errors import InputError
from soundbench.pretrained import PUBLISHED, results_folder, weight_files, workflow_sources
from soundbench.profilechecks import warn_of_replaced_blocks
from soundbench.provenance import study_arguments
from soundbench.statuschecks import correct_status_checks
from soundbench.storage import canonical_json
from soundbench.submissions import correct_submissions
from soundbench.usedconfiguration import used_configuration
from soundbench.variants import ORIGINAL, variant_names

if slurm := sys.modules.get("snakemake_executor_plugin_slurm"):
    correct_status_checks(slurm)
    correct_submissions(slurm)
if workflow.is_main_process:
    warn_of_replaced_blocks(sys.argv, workflow.resource_settings)

CONFIGURED = 2  # the level of a path variable in a configuration; that of a module statement is 1

# The path variables of this workflow. Where a module statement or a configuration sets one, it is part of the settings.
path_variables = workflow.pathvars
folders = {
    name: path_variables.get(name)
    for name in ("results", "logs", "benchmarks", "resources")
    if path_variables.level[name] <= CONFIGURED
}

try:
    overlay = {**config, "pathvars": {**(config.get("pathvars") or {}), **folders}} if folders else config
    settings = read_configuration(HERE / "config", overlay, workflow.config_settings.config, workflow.configfiles)
except InputError as error:
    raise WorkflowError(str(error)) from None

path_variables.items.update(settings.get("pathvars", {}))
path_variables.check()

selected = settings["benchmark"]

# Models that need a GPU for more than training. Taken out of their recipes, since it decides nothing of the results.
large_models = [name for name, recipe in settings["models"].items() if recipe.pop("large")]


def one_of(names):
    """A wildcard constraint that admits these names and no others; where there are none, nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    source=one_of(settings["sources"]),
    dataset=one_of(settings["datasets"]),
    features=one_of(settings["features"]),
    model=one_of(settings["models"]),
    variant=one_of([ORIGINAL, *settings["augmentations"]]),
    seed=r"\d+",
    fold=r"\d+",
