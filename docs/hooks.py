"""Pages of the documentation at their paths in the repository, so that links work there and on the site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

REPOSITORY = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages that the navigation names, all files of the repository that they link to, and the style."""
    theme = [file for file in files if not (file.abs_src_path or "").startswith(config["docs_dir"])]
    waiting = [REPOSITORY / name for name in re.findall(r"'([^']+\.md)'", str(config["nav"]))]
    waiting += [REPOSITORY / str(name) for name in config["extra_css"]]
    found: set[Path] = set()
    while waiting:
        page = waiting.pop()
        found.add(page)
        if page.suffix == ".md":
            targets = {(page.parent / link).resolve() for link in LINK.findall(page.read_text(encoding="utf-8"))}
            waiting += [target for target in targets if target.is_file() and target not in found]
    pages = [_file(path, config) for path in sorted(found)]
    return Files([*theme, *pages])


def _file(path: Path, config: MkDocsConfig) -> File:
    name = path.relative_to(REPOSITORY).as_posix()
    return File.generated(config, name, abs_src_path=str(path))
