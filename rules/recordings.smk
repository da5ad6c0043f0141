# Which recordings are to be predicted, and with which models.
from itertools import chain

from soundbench.modelfolders import find_models
from soundbench.models import FAMILIES
from soundbench.recordings import watched_files


wildcard_constraints:
    prediction=one_of(settings["predict"]),


def asked(wildcards):
    """The entry of the configuration that names recordings and a model."""
    return settings["predict"][wildcards.prediction]


def asked_models(name):
    """The models of this workflow that an entry may be predicted with; none where it names the folder of one."""
    model = settings["predict"][name]["model"]
    if isinstance(model, str):
        return []
    return selected["models"] if "best" in model else [model["model"]]


large_predictions = [name for name in settings["predict"] if set(asked_models(name)) & set(large_models)]


def asked_pages(wildcards):
    """The page of each entry."""
    if not settings["predict"]:
        raise WorkflowError("predict: the configuration names no recordings to predict; config/README.md tells how to")
    return expand("<results>/predictions/{prediction}/predictions.html", prediction=settings["predict"])


def model_files(name):
    """An input function: the file ``name`` of every model that is averaged, or that there are to choose from."""

    def files(wildcards):
        model = asked(wildcards)["model"]
        if isinstance(model, str):
            return [f"{folder}/{name}" for folder in find_models(model)]
        return expand(
            f"{FOLD}/{name}",
            dataset=model["dataset"],
            model=asked_models(wildcards.prediction),
            seed=model.get("seed", selected["seeds"]),
            fold=folds(model["dataset"]),
        )

    return files


def of_asked_model(pattern):
    """An input function: ``pattern`` for the data set of a model that this workflow trains, and for its seeds."""

    def files(wildcards):
        model = asked(wildcards)["model"]
        if isinstance(model, str):
            return []
        found = {"dataset": model["dataset"], "source": settings["datasets"][model["dataset"]]["source"]}
        return expand(pattern, **found, seed=model.get("seed", selected["seeds"]))

    return files


def watched_recordings(wildcards):
    """The files and folders whose times tell that there is something new to predict."""
    return list(chain.from_iterable(map(watched_files, asked(wildcards)["recordings"])))
