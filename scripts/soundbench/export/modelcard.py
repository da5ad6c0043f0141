"""The model card of an exported model, in the format of Hugging Face.

M. Mitchell et al., "Model cards for model reporting", FAT* 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from soundbench.core.escaping import markdown_code, markdown_text
from soundbench.core.storage import read_clip_table, read_json
from soundbench.data.schemes import fold_column
from soundbench.data.subsets import clip_groups
from soundbench.evaluation.intervals import interval_scores
from soundbench.evaluation.leaderboard import read_predictions
from soundbench.export.onnxfile import OPSET
from soundbench.models.description import Description
from soundbench.models.families import is_fitted
from soundbench.report.rendering import percent, quantity
from soundbench.tasks.metric import Metric
from soundbench.tasks.registry import task_class, trained_task

TEMPLATES = Path(__file__).resolve().parent / "templates"


@dataclass(frozen=True)
class Evidence:
    """The results of a study that are on the model card.

    Attributes:
        scores: one row per metric: ``metric, value, name, mean, spread, interval`` over all seeds and folds; all but
            ``value`` as they are written.
        own: the record of the exported model's fold, from ``metrics.json``.
        runs: the seeds and folds that were trained, and their total costs.
        training_clips: how many clips the exported model was trained on.
        labels: one row per label: the number of training clips, and their seconds.
        findings: one row per check and severity of the audit, with the number of findings.
        trained_from: the lengths of the training clips: total (s), shortest and longest (s).
    """

    scores: list[dict[str, Any]]
    own: dict[str, Any]
    runs: dict[str, Any]
    training_clips: int
    labels: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    trained_from: dict[str, float]

    @classmethod
    def collect(
        cls,
        description: Description,
        clips: pd.DataFrame,
        split: pd.DataFrame,
        metrics: list[str],
        predictions: list[str],
        audit: str,
    ) -> Evidence:
        """Read the results of the study."""
        records = [read_json(path) for path in metrics]
        folds = [fold for record in records for fold in record["folds"]]
        here = next(record for record in records if record["seed"] == description["seed"])
        trained = split[split[fold_column(description["fold"])] == "train"].merge(clips[["clip", "seconds"]], on="clip")
        found = read_clip_table(audit)
        task = task_class(description)
        named = {description["dataset"]: description}
        decisions = read_predictions(predictions, named)[description["dataset"], description["model"]]
        scores = interval_scores(task, decisions, clip_groups(split))
        return cls(
            scores=[_score_row(name, task.metrics[name], found) for name, found in scores.items()],
            own=next(fold for fold in here["folds"] if fold["fold"] == description["fold"]),
            runs={
                "seeds": sorted(record["seed"] for record in records),
                "folds": len(here["folds"]),
                "train_seconds": sum(fold["train_seconds"] for fold in folds),
                "model_megabytes": here["model_bytes"] / 1e6,
            },
            training_clips=len(trained),
            labels=[
                {"label": label, "size": int(members.sum()), "sum": trained["seconds"][members > 0].sum()}
                for label, members in task.strata(trained).items()
            ],
            findings=found.groupby(["severity", "check"]).size().rename("number").reset_index().to_dict("records"),
            trained_from={name: float(getattr(trained["seconds"], name)()) for name in ("sum", "min", "max")},
        )


def _score_row(name: str, metric: Metric, found: dict[str, float]) -> dict[str, Any]:
    """A row of the table of scores; see :class:`Evidence`."""
    written = {key: metric.format(found[key]) for key in ("mean", "spread")}
    interval = metric.interval(found["low"], found["high"], " to ")
    return {"metric": name, "value": found["mean"], "name": metric.heading, "interval": interval, **written}


def front_matter(description: Description, evidence: Evidence) -> str:
    """The YAML that Hugging Face reads; its keys are those of their model cards."""
    task = {"type": "audio-classification", "name": "Audio classification"}
    task_metrics = task_class(description).metrics
    dataset = {"name": description["dataset"], "type": description["dataset"]}
    metrics = [
        {
            "type": row["metric"],
            "name": f"{task_metrics[row['metric']].title}, mean over seeds of the recipe",
            "value": round(row["value"], 4),
        }
        for row in evidence.scores
    ]
    values = {
        "pipeline_tag": "audio-classification",
        "library_name": "transformers" if description["transformers"] else "onnx",
        "license": "unknown",
        "tags": ["audio-classification", "soundbench", description["recipe"]["family"]],
        "metrics": list(task_metrics),
        "model-index": [
            {
                "name": f"{description['dataset']}-{description['model']}",
                "results": [{"task": task, "dataset": dataset, "metrics": metrics}],
            }
        ],
    }
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def kept_weights(description: Description) -> str:
    """A sentence that says of which epochs the weights are, with a space after it; empty without epochs."""
    if is_fitted(description["recipe"]["family"]):
        return ""
    training = description["recipe"]["training"]
    epoch = description["kept_epoch"]
    match training.get("average", "none"):
        case "predictions":
            last = training["checkpoints"]
            return f"It holds the networks after each of the last {last} epochs and averages their outputs. "
        case "swa":
            return f"The weights are the mean of those after several epochs, the last of which is epoch {epoch}. "
        case "ema":
            return f"The weights are a moving average of those of all steps up to epoch {epoch}. "
    return f"The weights are those of epoch {epoch}. "


def model_card(description: Description, evidence: Evidence, checked: int, gap: float) -> str:
    """The card in Markdown.

    Args:
        checked: the clips on which the ONNX file was compared with PyTorch.
        gap: the largest difference of a value on these clips, in :attr:`Task.units`.
    """
    # The template is Markdown; the escaping of HTML would change quotes in code.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"percent": percent, "quantity": quantity, "text": markdown_text, "code": markdown_code}
    values = {"front_matter": front_matter(description, evidence), "checked": checked, "gap": gap, "opset": OPSET}
    task = trained_task(description)
    values |= {
        "fitted_at_once": is_fitted(description["recipe"]["family"]),
        "kept": kept_weights(description),
        "values_name": task.values_name,
        "thresholds": task.decision.get("thresholds"),
        "own": [f"{metric.with_unit(evidence.own[name])} ({metric.title})" for name, metric in task.metrics.items()],
    }
    return environment.get_template("modelcard.md").render(**description, evidence=evidence, **values)
