"""Export of trained models: a folder with a model card, an ONNX file with the front-end, and transformers files."""
