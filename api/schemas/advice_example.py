"""The example of advice: the answer to the example of a demand."""

from pydantic import JsonValue

ADVICE: JsonValue = {
    "goal": "fewest_gpus",
    "status": "optimal",
    "headline": "1 of 2 × NVIDIA A100-SXM4-80GB serve it; fewer do not suffice",
    "gpus": [
        {
            "number": 1,
            "model": "NVIDIA A100-SXM4-80GB",
            "layout": "4x1g.10gb",
            "example": "1g.10gb@0+1g.10gb@1+1g.10gb@2+1g.10gb@3",
            "instances": [
                {
                    "profile": "1g.10gb",
                    "job": "thumbnails",
                    "share_per_s": 125.0,
                    "capacity_per_s": 127.0,
                    "slowdown": 1.0,
                },
                {
                    "profile": "1g.10gb",
                    "job": "thumbnails",
                    "share_per_s": 125.0,
                    "capacity_per_s": 127.0,
                    "slowdown": 1.0,
                },
                {
                    "profile": "1g.10gb",
                    "job": "thumbnails",
                    "share_per_s": 125.0,
                    "capacity_per_s": 127.0,
                    "slowdown": 1.0,
                },
                {
                    "profile": "1g.10gb",
                    "job": "thumbnails",
                    "share_per_s": 125.0,
                    "capacity_per_s": 127.0,
                    "slowdown": 1.0,
                },
            ],
            "slices_used": 4,
            "slices": 7,
            "memory_units_used": 4,
            "memory_units": 8,
        }
    ],
    "at_hand": [{"model": "NVIDIA A100-SXM4-80GB", "count": 2}],
    "jobs": [
        {
            "name": "thumbnails",
            "required_per_s": 500.0,
            "capacity_per_s": 508.0,
            "headroom_per_s": 8.0,
            "headroom": 0.016,
            "instances": 4,
            "evidence": [
                {
                    "model": "NVIDIA A100-SXM4-80GB",
                    "profile": "1g.10gb",
                    "says": "given by hand: 127/s, mean of latency 7.86 ms (MIGPerf, published data, 2022)",
                    "capacity_per_s": 127.0,
                    "queueing": False,
                    "runs": [],
                }
            ],
            "excluded": [],
            "cannot_be_served": None,
        }
    ],
    "proof": {
        "value": 1.0,
        "bound": 1.0,
        "unit": "GPU",
        "gap": 0.0,
        "ties_proved": True,
        "solver": "OR-Tools CP-SAT 9.15.6755",
        "took_s": 0.031,
        "limit_s": 4.0,
    },
    "would_do": None,
    "served_share": None,
    "binds": [
        "thumbnails has the least headroom: 8/s (1.6 %)",
        "4 of 7 compute slices are used",
        "4 of 8 memory units are used",
    ],
    "assumptions": [
        ("an instance serves one job, and requests are split over instances in proportion to their capacities"),
        ("capacity is the lower end of a measured throughput's interval; of several runs of a benchmark, the median"),
        (
            "latency was measured without queueing for thumbnails: requests that arrive by themselves"
            " wait for each other as well, so the limit may not be kept; measure with a max_rate sear"
            "ch, or leave a reserve"
        ),
        "neighbours that were never measured together cost each other nothing",
        "GPUs of one board are alike",
    ],
    "remarks": [],
    "interference": [],
    "never_measured": [
        {
            "job": "thumbnails",
            "model": "NVIDIA A100-SXM4-80GB",
            "profiles": ["whole", "7g.80gb", "4g.40gb", "3g.40gb", "2g.20gb", "1g.20gb"],
            "why": "never measured",
            "experiment": (
                "migperf: 1\nname: advice-thumbnails-nvidia-a100-sxm4-80gb\ntitle: thumbnails on profiles o"
                "f NVIDIA A100-SXM4-80GB that were never measured\ndescription: Offered by the advisor.\nwh"
                "ere:\n  gpu_model: NVIDIA A100-SXM4-80GB\nbenchmark:\n  workload: resnet50\n  scenario: sing"
                "le_stream\n  parameters:\n    batch_size: 1\nmatrix:\n  partition:\n  - whole\n  - 7g.80gb\n  -"
                " 4g.40gb\n  - 3g.40gb\n  - 2g.20gb\n  - 1g.20gb\nrepeats: 3\n"
            ),
            "no_experiment": None,
        }
    ],
    "never_measured_together": [
        {
            "job": "thumbnails",
            "model": "NVIDIA A100-SXM4-80GB",
            "profile": "1g.10gb",
            "beside": [{"job": "thumbnails", "profile": "1g.10gb"}],
            "experiment": (
                "migperf: 1\nname: advice-beside-1g-10gb-thumbnails-nvidia-a100-sxm4-80gb\ntitle: thumbnails on"
                " 1g.10gb of NVIDIA A100-SXM4-80GB beside neighbours that it was\n  never measured with\ndescripti"
                "on: Offered by the advisor.\nwhere:\n  gpu_model: NVIDIA A100-SXM4-80GB\nbenchmark:\n  workload:"
                " resnet50\n  scenario: single_stream\n  parameters:\n    batch_size: 1\nsharing: mig\npartition:"
                " 1g.10gb\nmatrix:\n  neighbour:\n    alone: {}\n    thumbnails on 1g.10gb:\n      neighbours:\n"
                "      - benchmark:\n          workload: resnet50\n          scenario: offline\n          parameter"
                "s:\n            batch_size: 1\n        partition: 1g.10gb\nrepeats: 3\norder: alternated\n"
            ),
            "no_experiment": None,
        }
    ],
    "explanation": [
        ("thumbnails: 4 \u00d7 1g.10gb of 127/s can do 508/s; 500/s are wanted, headroom 8/s (1.6 %)."),
        "GPU 1 (NVIDIA A100-SXM4-80GB) is cut into 4x1g.10gb: 4 × 1g.10gb for thumbnails.",
        "Proved by OR-Tools CP-SAT 9.15.6755: no layouts do better than 1 GPU.",
    ],
}
