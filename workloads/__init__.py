"""Payloads that migperf measures: plain PyTorch, usable alone in a notebook; imports nothing of migperf."""
