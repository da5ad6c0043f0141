"""Figures, as SVG files."""
