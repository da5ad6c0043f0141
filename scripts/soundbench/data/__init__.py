"""From recordings to clips, views, splits and the audit."""
