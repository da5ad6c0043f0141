"""Text that runs a script wherever it is taken for HTML, and a configuration that is full of it."""

from __future__ import annotations

from typing import Any

SCRIPT = (
    "</script><script>window.owned = 1</script><img src=x onerror='window.owned = 1'>\"{dataset} <results> {{ 7 * 7 }}"
)


def overlay(recordings: str) -> dict[str, Any]:
    """An overlay of the tiny study whose every free text is :data:`SCRIPT`; ``recordings`` is a folder with sounds."""
    split = {"scheme": "official", "protocol": "nested"}
    steps = [{"effect": "noise", "snr": 10, "recordings": "noises"}]  # a path with < or { is refused
    front_end = {"front_end": "embedding", "features": "logmel64", "model": {"family": "cnn", "pretrained": SCRIPT}}
    timm = {"family": "timm", "name": SCRIPT, "arguments": {"act_layer": SCRIPT}, "pretrained": SCRIPT}
    reference = {"label": SCRIPT, "source": SCRIPT, "kind": "human", "datasets": ["synthetic"], "percent": 50}
    merged = {SCRIPT: ["baby", SCRIPT], f"other {SCRIPT}": [f"one {SCRIPT}"]}
    rule = {"variants": ["hostile"], "labels": [SCRIPT]}
    views = {
        "hostile": {"source": "hostile", "keep": [SCRIPT, "x"], "augment": [rule], "split": split},
        "synthetic": {"merge": merged, "drop": [f"two {SCRIPT}"]},
    }
    return {
        "sources": {"hostile": {"reader": "esc50", "root": SCRIPT, "url": SCRIPT}},
        "datasets": views,
        "augmentations": {"hostile": {"steps": steps}},
        "features": {"hostile": front_end},
        "models": {"hostile": {**timm, "features": "logmel64", "training": {"epochs": 1}}},
        "references": {"hostile": reference},
        "predict": {"hostile": {"recordings": [recordings], "model": {"dataset": "synthetic", "model": "cnn"}}},
    }
