"""Augmentation of audio files and of batches of features."""
