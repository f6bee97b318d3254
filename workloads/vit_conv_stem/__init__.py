"""Vision transformers with a patchify or a convolutional stem (arXiv 2106.14881)."""
