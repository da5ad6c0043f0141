"""The report: one page of sections, its verdict as text, and the configuration that makes the study again."""

from __future__ import annotations

import base64
import gzip
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from soundbench.core.storage import write_text
from soundbench.report.figures.registry import ALL, FIGURE_PATTERNS, FIGURES
from soundbench.report.landing import landing_text
from soundbench.report.rendering import render
from soundbench.report.results import Results
from soundbench.report.sections.registry import PACKAGE, SECTIONS, Section

IMAGE = re.compile(r"data:image/png;base64,[^\"]+")
OPEN = 2  # figures of a kind that are shown at once; the others are folded


def write_report(results: Results, *, page: str, landing: str, study: str) -> None:
    """Write the page, the text that Snakemake's report begins with, and the study's difference from the defaults."""
    sections = [found for name, section in SECTIONS.items() if (found := section_values(name, section, results))]
    images = pack([file for section in sections for figure in section["figures"] for file in figure["files"]])
    write_text(page, render("report.html", title="Which classifier works best?", sections=sections, images=images))
    write_text(landing, landing_text(results))
    head = "# The difference from the defaults of this study. snakemake --configfile with this file runs it again.\n"
    write_text(study, head + yaml.safe_dump(results.facts["study"], sort_keys=False, allow_unicode=True))


def section_values(name: str, section: Section, results: Results) -> dict[str, Any]:
    """What the template shows of a section; empty where it has nothing."""
    content = import_module(f"{PACKAGE}.{name}").section(results) if section.written else ""
    figures = [{"name": each, **found} for each in section.figures if (found := figure_values(each, results))]
    if not (content or figures):
        return {}
    return {
        "name": name,
        "title": section.title,
        "lead": section.lead,
        "content": content,
        "figures": figures,
    }


def figure_values(name: str, results: Results) -> dict[str, Any]:
    """A kind of figure with all its files; empty where there are none."""
    files = list(figure_files(name, results))
    figure = FIGURES[name]
    return {"title": figure.title, "caption": figure.caption, "files": files, "open": OPEN} if files else {}


def figure_files(name: str, results: Results) -> Iterator[dict[str, str]]:
    """The files of a figure: what each is of, and its content."""
    each = FIGURES[name].each
    for dataset in results.datasets if "dataset" in each else [ALL]:
        for model in results.models if "model" in each else [ALL]:
            path = Path(results.figures, FIGURE_PATTERNS[each].format(figure=name, dataset=dataset, model=model))
            if results.figures and path.exists():
                named = " · ".join(part for part in (dataset, model) if part != ALL)
                yield {"of": named, "svg": path.read_text()}


def pack(files: list[dict[str, str]]) -> list[str]:
    """Add ``packed`` to each figure: its ``svg``, compressed with gzip, in base64. The page's script unpacks it.

    Returns the images that several figures have, as the samples of all models have the same spectrograms. A figure
    has ``image:NUMBER`` in the place of such an image.
    """
    times = Counter(image for file in files for image in IMAGE.findall(file["svg"]))
    images = [image for image, count in times.items() if count > 1]
    names = {image: f"image:{number}" for number, image in enumerate(images)}
    for file in files:
        svg = IMAGE.sub(lambda found: names.get(found[0], found[0]), file["svg"])
        file["packed"] = base64.b64encode(gzip.compress(svg.encode(), mtime=0)).decode()
    return images
