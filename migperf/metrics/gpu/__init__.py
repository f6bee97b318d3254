"""What is read of a GPU and of what a run has of it: NVML, GPM, XID events, and the estimate of an instance's power."""
