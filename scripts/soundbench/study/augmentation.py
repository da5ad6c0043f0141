"""Inputs and parameters of rules that make or use augmented copies."""

from __future__ import annotations

from pathlib import Path

from soundbench.augment.effects import EFFECTS
from soundbench.core.storage import canonical_json
from soundbench.data.copies import ORIGINAL, variant_names
from soundbench.data.files import files_state
from soundbench.study.paths import COPIES, NOISE_OVERLAP, fill
from soundbench.study.study import Entry, Study, Wildcards, without


class AugmentationInputs:
    """Inputs and parameters of augmentation, and of the rules that use augmented copies."""

    def __init__(self, study: Study) -> None:
        self.study = study

    def variants(self, dataset: str) -> list[str]:
        """The variants that a data set's training clips are augmented with."""
        return variant_names(self.study.settings["datasets"][dataset]["augment"])

    def entry(self, name: str) -> Entry:
        """A variant by name; the original is a variant without steps."""
        entries: dict[str, Entry] = self.study.settings["augmentations"]
        return entries.get(name, {"steps": [], "seed": 0})

    def effect_modules(self, wildcards: Wildcards) -> list[str]:
        """The modules of the effects of a variant, by their dotted names."""
        return sorted({EFFECTS.module(step["effect"]) for step in self.entry(wildcards.variant)["steps"]})

    def entries_json(self, dataset: str) -> str:
        """The original and the variants of a data set, as canonical JSON."""
        return canonical_json({name: self.entry(name) for name in [ORIGINAL, *self.variants(dataset)]})

    def views(self, wildcards: Wildcards) -> list[Entry]:
        """The library's views that ask for copies of a source: all, so that another selection changes nothing."""
        views = [entry for entry in self.study.settings["datasets"].values() if entry["source"] == wildcards.source]
        asked = {wildcards.variant} - {ORIGINAL}
        asking = [entry for entry in views if entry["augment"] and asked <= set(variant_names(entry["augment"]))]
        return [without(entry, "audit", "split") for entry in asking]

    def noise_folders(self, variant: str) -> list[str]:
        """The folders of recordings that a variant takes noise from."""
        folders = (step.get("recordings") for step in self.entry(variant)["steps"])
        return [str(Path(folder).expanduser()) for folder in folders if folder]

    def noise_recordings(self, wildcards: Wildcards) -> list[str]:
        """The folders of recordings that the variant of the wildcards takes noise from."""
        return self.noise_folders(wildcards.variant)

    def noise_digests(self, wildcards: Wildcards) -> list[str]:
        """A digest of each of these folders: it changes when a recording in it is overwritten in place."""
        return [files_state(folder).digest for folder in self.noise_folders(wildcards.variant)]

    def noise_overlaps(self, wildcards: Wildcards) -> list[str]:
        """Which clips of a data set are copies of recordings that its variants take noise from."""
        named = [name for name in self.variants(wildcards.dataset) if self.noise_folders(name)]
        return fill(NOISE_OVERLAP, variant=named)

    def copies(self, wildcards: Wildcards) -> list[str] | str:
        """The table of a variant's copies; none for the clips themselves."""
        return [] if wildcards.variant == ORIGINAL else COPIES
