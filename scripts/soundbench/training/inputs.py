"""What a training reads: its files, and the fold that they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from soundbench.core.errors import InputError
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table
from soundbench.data.schemes import fold_column
from soundbench.data.trained_on import clip_lines, known_clips, sample_digests
from soundbench.features.crops import crop_of
from soundbench.features.files import FeatureFiles
from soundbench.features.normalisation import Normalisation
from soundbench.features.size import check_whole_clips
from soundbench.models.description import shape_problems
from soundbench.models.encoders import encoder_problems
from soundbench.models.initial_weights import Weights, find_weights
from soundbench.models.lineage import refusal
from soundbench.tasks.registry import TASKS
from soundbench.tasks.task import Task
from soundbench.training.batches import Copies, load_examples, load_training
from soundbench.training.examples import Examples
from soundbench.training.run import Run


@dataclass(frozen=True)
class Inputs:
    """The files that a training reads.

    Attributes:
        features: of the clips of the source.
        split: the roles of the clips.
        measures: the table of measurements of the source's clips, which has the digests of their samples.
        variants: the features of each variant that the view augments with.
        weights: the files that :func:`~soundbench.models.initial_weights.find_weights` takes; none to start from
            scratch.
        embedding: the same for the network that computed the features; none if the features are not an embedding.
        overlaps: tables of the view's clips that are copies of clips in the sources that these weights were trained on.
    """

    features: FeatureFiles
    split: str
    measures: str
    variants: dict[str, FeatureFiles] = field(default_factory=dict)
    weights: Sequence[str] = ()
    embedding: Sequence[str] = ()
    overlaps: Sequence[str] = ()

    @property
    def files(self) -> list[str]:
        """All of them."""
        arrays = [file for each in (self.features, *self.variants.values()) for file in (each.array, each.index)]
        return [*arrays, self.split, self.measures, *self.weights, *self.embedding, *self.overlaps]

    def digested(self, initial: Weights | None) -> tuple[str, ...]:
        """The files whose contents decide the result, except the features, which may be too large to digest: their mean
        and deviation represent them."""
        indexes = [variant.index for variant in self.variants.values()]
        return (self.split, self.features.index, *indexes, *([str(initial.file)] if initial else []))


@dataclass(frozen=True)
class FoldData:
    """One fold, ready to be trained on.

    Attributes:
        clips: all clips of the split, and ``roles`` their roles in this fold.
        parts: the examples of ``train``, with the augmented copies, and of ``val``.
        statistics: the mean and the deviation of the training features.
        digests: the digest of the samples of each clip of the source.
        initial: the weights that the network starts from, if any.
        pretrained: these, and those of the network that computed the features.
    """

    clips: pd.DataFrame
    roles: pd.Series
    task: Task
    parts: dict[str, Examples]
    statistics: Normalisation
    digests: dict[str, str]
    initial: Weights | None
    pretrained: list[Weights]

    def with_role(self, *roles: str) -> pd.DataFrame:
        """The clips with one of these roles."""
        return self.clips[self.roles.isin(roles)]

    def known_digests(self) -> set[str]:
        """The digests of the clips that the network is trained or validated on, now or in the runs before it."""
        used = {self.digests[clip] for clip in self.with_role("train", "val")["clip"]}
        return used.union(*(weights.trained_on for weights in self.pretrained))


def read_fold(run: Run, inputs: Inputs) -> FoldData:
    """Read and check the fold of a run.

    Raises:
        InputError: an input was changed, clips have more values than a model can take, a training clip is a copy of a
            clip without the role ``train``, or weights were trained on test or validation clips.
    """
    clips = read_split(inputs.split)
    rows = read_clip_table(inputs.features.index)
    roles = clips[fold_column(run.fold)]
    task = TASKS[run.task](TASKS[run.task].find_labels(clips), options=run.options)
    task.fit(clips[roles == "train"])
    array = inputs.features.array
    crop = crop_of(run.recipe.get("training", {}), run.front_end)
    remedy = "Set `training.crop` (s) of the model, or `duration` (s) of its front-end"
    if crop is None:
        check_whole_clips(rows, run.front_end, f"{run.tag} The model", remedy)
    copies = Copies(run.augment, inputs.variants, run.seed)
    training = load_training(array, rows, clips, roles, task, copies, crop)
    if problems := list(shape_problems(training.shape)):  # the trained model could not be loaded
        raise InputError(f"{run.tag} {problem}. {remedy}" for problem in problems)
    initial = find_weights(inputs.weights)
    if problems := list(encoder_problems(initial, run.recipe["family"], run.front_end)):
        raise InputError(f"{run.tag} {problem}" for problem in problems)
    fold = FoldData(
        clips,
        roles,
        task,
        {"train": training, "val": load_examples(array, rows, clips[roles == "val"], task, crop)},
        training.normalisation(),
        sample_digests(inputs.measures),
        initial,
        [found for found in (initial, find_weights(inputs.embedding)) if found],
    )
    held_out = {clip: fold.digests[clip] for clip in fold.with_role("val", "test")["clip"]}
    check_initial_weights(run, fold.pretrained, held_out, inputs.overlaps)
    return fold


def check_initial_weights(
    run: Run, pretrained: list[Weights], held_out: dict[str, str], overlaps: Sequence[str]
) -> None:
    """Refuse weights that were trained on test or validation clips of the fold.

    Args:
        pretrained: the initial weights of the run, and those of the network that computed its features.
        held_out: the digests of the test and validation clips, by clip.
        overlaps: tables of the copies of the view's clips in the sources of these weights.

    Raises:
        InputError: naming the weights and the clips.
    """
    if folders := [str(weights.file.parent) for weights in pretrained if run.source in weights.sources]:
        raise InputError(f"{run.tag} {refusal(folder, run.source)}" for folder in folders)
    for weights in pretrained:
        if known := known_clips(held_out, overlaps, weights.trained_on):
            heading = (
                f"{run.tag} {weights.file.parent} was trained on {len(known)} of the clips that this fold is tested "
                "or validated on, or on copies of them:"
            )
            raise InputError(clip_lines(known), heading)
