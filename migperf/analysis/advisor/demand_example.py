"""The example of a question to the advisor."""

from pydantic import JsonValue

DEMAND: JsonValue = {
    "migperf": 1,
    "gpus": [{"model": "A100-SXM4-80GB", "count": 2}],
    "goal": "fewest_gpus",
    "services": [
        {
            "name": "thumbnails",
            "benchmark": {"workload": "resnet50", "parameters": {"batch_size": 1}},
            "rate_per_s": 500,
            "latency": {"statistic": "mean", "limit_ms": 10},
        }
    ],
    "measured": [
        {
            "of": "thumbnails",
            "profile": "1g.10gb",
            "throughput_per_s": 127,
            "latency": {"statistic": "mean", "ms": 7.86},
            "source": "MIGPerf, published data, 2022",
        }
    ],
}
