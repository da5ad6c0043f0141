"""Augmentation of audio files and of batches."""
