"""Probes of frameworks and of servers: does a tiny training step or inference work on this partition, and where."""
