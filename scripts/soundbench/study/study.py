"""The checked configuration for the rules: its entries by wildcards, and the keys of an entry that a job depends on."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from soundbench.core.storage import canonical_json
from soundbench.models.families import is_fitted
from soundbench.models.tuning import KEYS_WITHOUT_EFFECT, compares_epochs

Entry = dict[str, Any]
Wildcards = Any  # an object with one attribute per wildcard, such as Snakemake's


def without(entry: Entry, *keys: str) -> Entry:
    """``entry`` without some keys."""
    return {name: value for name, value in entry.items() if name not in keys}


class Study:
    """What is to be run, and the library of names.

    Args:
        settings: the checked configuration.
        resolve: fills in the path variables of a path, such as ``<results>``.
    """

    def __init__(self, settings: Entry, resolve: Callable[[str], str] = str) -> None:
        # Models that need a GPU for more than training, and lists of what models have seen. Recipes do not hold these
        # keys, since they do not change results.
        self.large_models = [name for name, recipe in settings["models"].items() if recipe["large"]]
        trials = {name: recipe for tuned in settings["trials"].values() for name, recipe in tuned["recipes"].items()}
        self.small_models = [
            name
            for name, recipe in (settings["models"] | trials).items()
            if recipe["small"] or is_fitted(recipe["family"])
        ]
        self.contamination = {name: recipe["contamination"] for name, recipe in settings["models"].items()}
        recipes = {name: without(recipe, *KEYS_WITHOUT_EFFECT) for name, recipe in settings["models"].items()}
        self.settings: Entry = settings | {"models": recipes}
        # The names of the trials of each tuned model, and the recipes of all that is trained or evaluated.
        self.trials = {name: list(tuned["recipes"]) for name, tuned in settings["trials"].items()}
        # The tuned models whose trials are trained by one job, and stopped early if others are better.
        self.halved = [name for name, tuned in settings["trials"].items() if tuned["halving"]]
        self.recipes: Entry = dict(recipes)
        for tuned in settings["trials"].values():
            self.recipes |= {name: without(recipe, *KEYS_WITHOUT_EFFECT) for name, recipe in tuned["recipes"].items()}
        self.resolve = resolve
        self.selected: Entry = settings["benchmark"]
        # It is made once and shared by the jobs of an entry, which may be thousands.
        self.entry_json = lru_cache(maxsize=None)(self._entry_json)

    def _entry_json(self, part: str, name: str, *left_out: str) -> str:
        entries = self.recipes if part == "models" else self.settings[part]
        return canonical_json(without(entries[name], *left_out))

    def view(self, wildcards: Wildcards) -> Entry:
        """The keys of a view that decide its split; those of the audit change neither splits nor models."""
        return without(self.settings["datasets"][wildcards.dataset], "audit")

    def source(self, wildcards: Wildcards) -> Entry:
        """The keys of a source that decide its clips, without those about bad clips, the publication and shards."""
        return without(self.settings["sources"][wildcards.source], "on_bad_clip", "homepage", "license", "shards")

    def recipe(self, wildcards: Wildcards) -> Entry:
        """The entry of a model, or of one of its trials."""
        recipe: Entry = self.recipes[wildcards.model]
        return recipe

    @property
    def trained(self) -> list[str]:
        """What ``train_model`` trains: the models that are not tuned, and the trials of those that are not halved."""
        trials_of_halved = {trial for name in self.halved for trial in self.trials[name]}
        return [name for name in self.recipes if name not in self.trials and name not in trials_of_halved]

    @property
    def chosen(self) -> list[str]:
        """What ``choose_trial`` chooses: the tuned models whose trials are trained to their end."""
        return [name for name in self.trials if name not in self.halved]

    @property
    def epoch_interval(self) -> int:
        """The weights after every so many epochs are kept and evaluated; 0: none are."""
        return int(self.selected["every_epoch"])

    def keeps_epochs(self, model: str) -> bool:
        """Whether the epochs of a model are evaluated: not of a tuned one, not where training has no epochs, and not
        where the model is the mean of several epochs."""
        if not self.epoch_interval or model not in self.recipes or model in self.trials:
            return False
        return compares_epochs(model, self.recipes[model])

    def source_of(self, dataset: str) -> str:
        """The name of the source that a data set is a view on."""
        source: str = self.settings["datasets"][dataset]["source"]
        return source

    def folds(self, dataset: str) -> range:
        """The numbers of a data set's folds."""
        return range(1, self.settings["datasets"][dataset]["split"]["folds"] + 1)
