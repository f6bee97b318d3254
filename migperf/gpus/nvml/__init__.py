"""The driver of real GPUs: NVML through pynvml."""
