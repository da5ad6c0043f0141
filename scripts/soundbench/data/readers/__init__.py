"""Readers of sources, one module each."""
