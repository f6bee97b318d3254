"""Payloads that compute nothing: one that measures the harness itself, and one whose service time is known."""
