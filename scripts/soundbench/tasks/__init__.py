"""What a model predicts of a clip: one label so far."""
