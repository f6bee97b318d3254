"""Parts that several systems share: attention blocks, residual backbones and their initialisation."""
