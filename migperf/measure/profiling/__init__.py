"""Profiles: what some steps after the measured window were made of, from a trace of torch.profiler."""
