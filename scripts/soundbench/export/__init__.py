"""Trained models for others: a folder that explains itself, ONNX with the front-end inside, transformers' format."""
