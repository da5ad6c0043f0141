"""Successive halving: all trials of a model train for a share of their epochs, and only the best ones go on.

K. Jamieson and A. Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from soundbench.core.storage import read_json
from soundbench.training.finished import TRIALS
from soundbench.training.inputs import Inputs
from soundbench.training.job import train_model
from soundbench.training.run import Execution, Outputs, Run
from soundbench.training.rungs import rungs
from soundbench.training.tuning import Chosen, Validation, choose_trial, ranked_trials, validation

logger = logging.getLogger(__name__)


def halve_trials(
    trials: Sequence[Run], inputs: Inputs, chosen: Chosen, search: list[str], rate: int, execution: Execution
) -> None:
    """Train the trials of a model in one process and write the model that is chosen.

    An interrupted attempt resumes from the checkpoints of the trials. Each decision depends on the first epochs only,
    so it is the same after an interruption.

    Args:
        trials: the runs of the trials, in their order.
        rate: one trial in ``rate`` goes on after each rung.
        search: the keys that the trials differ in.

    Raises:
        InputError: all trials diverged, or as :func:`~soundbench.training.job.train_model`.
    """
    outputs = [Outputs(chosen.folder / TRIALS / f"trial{number}") for number in range(1, len(trials) + 1)]
    order = list(range(len(trials)))
    for rung in rungs(len(trials), rate):
        ends = [math.ceil(rung.share * trial.recipe["training"]["epochs"]) for trial in trials]
        scores: dict[int, Validation] = {}
        while order and len(scores) < rung.trials:
            one = order.pop(0)
            train_model(trials[one], inputs, outputs[one], execution, ends[one])
            score = validation(read_json(outputs[one].description), outputs[one].history, ends[one])
            if not math.isnan(score.score):  # where a trial diverges, the next one takes its place
                scores[one] = score
        order = [list(scores)[position] for position in ranked_trials(list(scores.values()))]
        ranking = ", ".join(str(one + 1) for one in order)
        logger.info("after %.0f %% of their epochs, the order of the trials is %s", 100 * rung.share, ranking)
    choose_trial(chosen, [each.folder for each in outputs], search)
