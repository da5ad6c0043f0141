# The validated configuration, and the functions that turn wildcards into inputs and parameters.
# Torch is not imported here: this file is read by every job's process.
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from soundbench.clipfiles import folders_below
from soundbench.codedigest import code_digest
from soundbench.configuration import check_configuration
from soundbench.datachecks import is_archive
from soundbench.errors import InputError
from soundbench.statuschecks import check_at_even_pace
from soundbench.storage import canonical_json

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
    variant="orig",
    seed=r"\d+",
    fold=r"\d+",


def view(wildcards):
    return settings["datasets"][wildcards.dataset]


def source(wildcards):
    return settings["sources"][wildcards.source]


def recipe(wildcards):
    return settings["models"][wildcards.model]


@cache
def entry_json(part, name):
    """An entry of the library as canonical JSON: made once, and shared by its jobs, of which there may be thousands."""
    return canonical_json(settings[part][name])


def folds(dataset):
    return range(1, settings["datasets"][dataset]["split"]["folds"] + 1)


def reader_module(wildcards):
    return f"soundbench.datasets.{source(wildcards)['reader']}"


def family_module(wildcards):
    return f"soundbench.models.{recipe(wildcards)['family']}"


def own_root(wildcards):
    """The user's own folder, table or archive of a source's recordings; empty where there is none."""
    root = source(wildcards).get("root")
    return str(Path(root).expanduser()) if root else ""


def own_archive(wildcards):
    return [own_root(wildcards)] if is_archive(own_root(wildcards)) else []


def source_files(wildcards):
    """What has to exist before a source can be read: the user's own recordings (the folders in them change when clips
    come or go), or what fetch_dataset wrote."""
    root = own_root(wildcards)
    return [root, *folders_below(root)] if root and not is_archive(root) else "<resources>/{source}/fetched.json"


def source_root(wildcards, input):
    """The folder (or table) of a source's recordings: the user's own, or what was made, or unpacked, by fetch_dataset."""
    if own_root(wildcards) == input[0]:
        return input[0]
    unpacked = own_archive(wildcards) or source(wildcards).get("url")
    return str(Path(input[0]).parent / ("recordings" if unpacked else ""))


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


def of_runs(pattern):
    """An input function: ``pattern`` for every run, or for those of the data set that the wildcards name."""

    def files(wildcards):
        datasets = [wildcards.dataset] if hasattr(wildcards, "dataset") else selected["datasets"]
        return expand(pattern, dataset=datasets, model=selected["models"], seed=selected["seeds"])

    return files


def histories(wildcards):
    """The training histories of a data set: every model, seed and fold."""
    names = dict(model=selected["models"], seed=selected["seeds"], fold=folds(wildcards.dataset))
    return expand(FOLD + "history.csv", allow_missing=True, **names)
