"""Networks by name, the weights they start from, and saved models."""
