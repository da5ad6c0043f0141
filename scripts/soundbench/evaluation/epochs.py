"""The scores of a model on the test clips after every epoch, for :mod:`soundbench.evaluation.epoch_choice`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from soundbench.core.devices import prepare_process
from soundbench.core.integrity import read_split
from soundbench.core.storage import read_clip_table, write_csv
from soundbench.evaluation.trained_model import TrainedModel
from soundbench.features.files import FeatureFiles
from soundbench.training.epoch_weights import read_epochs


def evaluate_epochs(folder: Path, archive: str, features: FeatureFiles, split: str, threads: int, table: str) -> None:
    """Score the test clips of a fold with the weights after every epoch.

    Args:
        folder: the folder of the fold's model.
        archive: its weights, as :mod:`soundbench.training.epoch_weights` writes them.
        table: one row per epoch: ``fold, epoch, val_loss`` (empty without validation clips), then the scores.
    """
    prepare_process(0, threads)
    model = TrainedModel.load(folder)
    tested = model.with_role(read_split(split), "test")
    examples = model.examples(features.array, read_clip_table(features.index), tested)
    history = pd.read_csv(folder / "history.csv").set_index("epoch")
    losses = history.get("val_loss", pd.Series(np.nan, history.index))
    scored = []
    for epoch, weights in read_epochs(archive):
        model.network.load_state_dict(weights)
        scores = model.task.scores(model.table(tested, model.predict(examples)))
        scored.append({"fold": model.fold, "epoch": epoch, "val_loss": losses[epoch], **scores})
    write_csv(table, pd.DataFrame(scored))
