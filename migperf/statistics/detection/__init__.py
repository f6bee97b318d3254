"""Did something get slower? Where the level of a history of results changes, judged anew as each result arrives.

Pure functions and frozen dataclasses; they know nothing of runs, benchmarks or databases. One metric is a ``History``,
several that are judged as one family are ``Histories``. The method, what it promises, and the simulations that show it:
docs/explanation/detection.md.
"""
