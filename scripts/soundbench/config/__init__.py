"""The configuration, loaded and checked."""
