"""Coverage of the 95 % interval of high scores, where many test parts show no mistake.

    python tests/benchmarks/high_scores.py --studies 2000

A study has one seed and one test part, of groups of four clips. How many clips of a group are correct is drawn from a
beta-binomial distribution, in which the clips of a group are correlated by 0.2. No number is asserted by a test.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2] / "scripts")]

from helpers.estimates import of_sums

CLIPS = 4
CORRELATION = 0.2
GROUPS = (10, 20, 100)
SCORES = (0.9, 0.95, 0.98, 0.99)


def coverage(score: float, groups: int, studies: int, rng: np.random.Generator) -> tuple[float, float]:
    """The share of studies whose interval holds the true score, and of those without a mistake."""
    both = 1 / CORRELATION - 1
    skill = rng.beta(score * both, (1 - score) * both, (studies, 1, groups))
    correct = rng.binomial(CLIPS, skill).astype(float)
    found = [of_sums(sums, CLIPS, np.zeros(groups)).interval() for sums in correct]
    return float(np.mean([low <= score <= high for low, high in found])), float((correct == CLIPS).all(axis=2).mean())


def main() -> None:
    """Print one line per number of groups and true score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    studies = parser.parse_args().studies
    rng = np.random.default_rng(0)
    print("groups  true score (%)  in the interval (%)  no mistake (%)")
    for groups in GROUPS:
        for score in SCORES:
            covered, perfect = coverage(score, groups, studies, rng)
            print(f"{groups:6}  {100 * score:14.0f}  {100 * covered:19.0f}  {100 * perfect:14.0f}")


if __name__ == "__main__":
    main()
