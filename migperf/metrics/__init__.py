"""Watching one run: sources of metrics, the sampler, and the series that they fill."""
