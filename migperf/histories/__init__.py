"""What a history is: which runs belong to one, which of their figures are watched, and what is said of them.

Pure functions and documents; ``migperf.store`` keeps them. What a change of level is, is for
``migperf.statistics.detection`` to say.
"""
