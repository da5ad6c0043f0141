"""Predictions of trained models on new recordings."""
