"""Series of runs: chunks go in, chunks come out; one row a chunk, never one a sample.

This is the door to the modules that do it; times stored are ns since the run's clock zero.
"""

from migperf.metrics.downsampling import Method
from migperf.store.compaction import compact
from migperf.store.series_heads import SeriesHead, get, list_heads, metrics_of
from migperf.store.series_news import since
from migperf.store.series_reading import SeriesPage, downsample, downsample_all, gaps, read, read_page
from migperf.store.series_writing import append
from migperf.store.summaries import read_summaries, store_summaries

__all__ = [
    "Method",
    "SeriesHead",
    "SeriesPage",
    "append",
    "compact",
    "downsample",
    "downsample_all",
    "gaps",
    "get",
    "list_heads",
    "metrics_of",
    "read",
    "read_page",
    "read_summaries",
    "since",
    "store_summaries",
]
