"""Predictions, metrics, intervals, comparisons and the leaderboard."""
