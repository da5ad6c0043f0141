# The validated configuration, and the functions that turn wildcards into inputs and parameters.
# Torch is not imported here: this file is read by every job's process.
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from soundbench.codedigest import code_digest
from soundbench.configuration import check_configuration
from soundbench.errors import InputError
from soundbench.storage import canonical_json

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
    variant="orig",
    seed=r"\d+",
    fold=r"\d+",


def view(wildcards):
    return settings["datasets"][wildcards.dataset]


def source(wildcards):
    return settings["sources"][wildcards.source]


def recipe(wildcards):
    return settings["models"][wildcards.model]


def front_end(wildcards):
    return settings["features"][recipe(wildcards)["features"]]


def folds(dataset):
    return range(1, settings["datasets"][dataset]["split"]["folds"] + 1)


def reader_module(wildcards):
    return f"soundbench.datasets.{source(wildcards)['reader']}"


def family_module(wildcards):
    return f"soundbench.models.{recipe(wildcards)['family']}"


def source_files(wildcards):
    """What has to exist before a source can be read: the user's own recordings, or what fetch_dataset wrote."""
    root = source(wildcards).get("root")
    return str(Path(root).expanduser()) if root else "<resources>/{source}/fetched.json"


def source_root(wildcards, input):
    """The folder (or table) of a source's recordings."""
    return input[0] if source(wildcards).get("root") else str(Path(input[0]).parent)


def clip_table(wildcards):
    return f"<results>/clips/{view(wildcards)['source']}.csv"


def feature_files(wildcards):
    """The feature array of a data set for a model, and its index."""
    stem = f"<results>/features/{view(wildcards)['source']}/{recipe(wildcards)['features']}/orig"
    return {"features": f"{stem}.npy", "index": f"{stem}.csv"}


FOLD = "<results>/runs/{dataset}/{model}/seed{seed}/fold{fold}/"


def of_folds(name):
    """An input function: the file ``name`` of every fold of a run."""
    return lambda w: expand(FOLD + name, fold=folds(w.dataset), allow_missing=True)
