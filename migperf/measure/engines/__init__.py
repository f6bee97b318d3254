"""Executing a payload's model by other means than eager PyTorch in fp32, and only after checking what comes out."""
