"""librosa, with which tests compare. Its functions are compiled once, before the processes of the tests use them."""

from __future__ import annotations

from soundbench.features.compiled_librosa import use_compiled_librosa

use_compiled_librosa()

import librosa  # noqa: E402 - compiled functions are looked up when it is imported

__all__ = ["librosa"]
