"""What the SVG files of figures hold."""

from __future__ import annotations

import re


def styled(svg: str) -> str:
    """A figure with the style of each element in the element, and not in a class."""
    rules = dict(re.findall(r"[.](s\d+){([^}]*)}", svg))
    return re.sub(r'class="(s\d+)"', lambda found: f'style="{rules[found[1]]}"', svg)
