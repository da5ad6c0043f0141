"""From audio to feature arrays."""
