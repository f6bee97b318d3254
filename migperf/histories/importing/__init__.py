"""Reading results that other tools wrote, or migperf elsewhere, so that histories can have them.

Pure functions from a file's text to what it says; ``migperf.store.imports`` keeps that.
"""
