"""Trained models on new recordings."""
