"""Model cards, read by a program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from helpers.workflow import REPOSITORY


def run_card(folder: Path) -> str:
    """Run all code of a model card, in its folder, as its reader would."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), flags=re.DOTALL))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "scripts")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
