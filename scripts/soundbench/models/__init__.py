"""Networks by name, their initial weights, and saved models."""
