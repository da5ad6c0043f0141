"""Inputs and parameters of rules that compute or read features."""

from __future__ import annotations

from collections.abc import Callable

from soundbench.core.storage import canonical_json
from soundbench.data.copies import ORIGINAL
from soundbench.features.front_ends import FRONT_ENDS
from soundbench.models.embedding_settings import embedding_names, embedding_network
from soundbench.models.families import FAMILIES
from soundbench.models.initial_weights import PUBLISHED, results_folder, weight_files
from soundbench.study.augmentation import AugmentationInputs
from soundbench.study.paths import EMBEDDING_WEIGHTS, FEATURE_INDEX, FEATURES, fill
from soundbench.study.study import Study, Wildcards


class FeatureInputs:
    """Inputs and parameters of feature arrays and embeddings, and of the rules that read them."""

    def __init__(self, study: Study, augmentation: AugmentationInputs) -> None:
        self.study = study
        self.augmentation = augmentation
        self.embeddings = embedding_names(study.settings["features"])

    def of_model(self, wildcards: Wildcards) -> dict[str, str]:
        """The feature array of a data set for a model, and its index."""
        stored = {"source": self.study.source_of(wildcards.dataset), "variant": ORIGINAL}
        stored["features"] = self.study.recipe(wildcards)["features"]
        return {"features": fill(FEATURES, **stored)[0], "index": fill(FEATURE_INDEX, **stored)[0]}

    def of_variants(self, pattern: str) -> Callable[[Wildcards], list[str]]:
        """An input function: the features, or their index, of each variant that a data set augments with."""

        def files(wildcards: Wildcards) -> list[str]:
            return fill(
                pattern,
                source=self.study.source_of(wildcards.dataset),
                features=self.study.recipe(wildcards)["features"],
                variant=self.augmentation.variants(wildcards.dataset),
            )

        return files

    def selected(self, pattern: str) -> list[str]:
        """``pattern`` for all features that the selection uses."""
        selected = self.study.selected
        return [
            file
            for dataset in selected["datasets"]
            for model in selected["models"]
            if model in self.study.settings["models"]
            for file in fill(
                pattern,
                source=self.study.source_of(dataset),
                features=self.study.settings["models"][model]["features"],
                variant=[ORIGINAL, *self.augmentation.variants(dataset)],
            )
        ]

    def front_end_json(self, name: str) -> str:
        """All settings that decide the values of a front-end, as JSON; those of an embedding include its input's."""
        if name not in self.embeddings:
            return self.study.entry_json("features", name)
        entry = self.study.settings["features"][name]
        front_end = self.study.settings["features"][embedding_network(self.study.settings, entry)[1]]
        return canonical_json(entry | {"features": front_end})

    def front_end_modules(self, name: str) -> list[str]:
        """The modules of a front-end, by its name in the library, and of its parts; of an embedding, those of its own
        input."""
        entry = self.study.settings["features"][name]
        if name in self.embeddings:
            entry = self.study.settings["features"][embedding_network(self.study.settings, entry)[1]]
        return [FRONT_ENDS.module(one["front_end"]) for one in (entry, *entry.get("parts", []))]

    def embedding(self, wildcards: Wildcards) -> tuple[str, str]:
        """The family of the network that computes an embedding, and the front-end of its input."""
        return embedding_network(self.study.settings, self.study.settings["features"][wildcards.features])

    def embedding_family(self, wildcards: Wildcards) -> str:
        """The module of the network that computes an embedding, by its dotted name."""
        return FAMILIES.module(self.embedding(wildcards)[0])

    def of_embedding(self, wildcards: Wildcards) -> dict[str, str]:
        """The features that an embedding is computed from, and their index."""
        front_end = self.embedding(wildcards)[1]
        patterns = {"features": FEATURES, "index": FEATURE_INDEX}
        return {name: fill(pattern, features=front_end)[0] for name, pattern in patterns.items()}

    def embedding_weights(self, features: str) -> list[str]:
        """The weights of the network that computes features; empty if they are not an embedding."""
        pretrained = self.study.settings["features"][features].get("model", {}).get("pretrained")
        return self.weights(pretrained, fill(EMBEDDING_WEIGHTS, features=features)[0])

    def weights(self, pretrained: str | None, fetched: str) -> list[str]:
        """The files of weights: the list of ``fetched`` ones, a run of this workflow, the user's own, or nothing."""
        if pretrained is None:
            return []
        if pretrained in PUBLISHED.values():
            return [fetched]
        return weight_files(pretrained, results_folder(self.study.settings)) or [pretrained]
