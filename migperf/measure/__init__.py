"""Performing one run: the supervisor, its child process, and the way from timings to figures."""
