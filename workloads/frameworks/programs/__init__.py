"""The problem in each framework. A module here imports its framework, so it is imported by the run that probes it."""
