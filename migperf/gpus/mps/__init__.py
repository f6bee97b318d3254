"""NVIDIA's Multi-Process Service on one device: its control daemon, kept for as long as runs share the device."""
