"""Examples of previews for the OpenAPI document."""

from typing import Any

from api.schemas import examples

_RUN_ID = "019ab3f2-7c21-7b31-8a0f-2c9be57d4f10"
OUTLOOK: dict[str, Any] = {
    "places": [
        {
            "node": "gpu-node-3",
            "uuid": examples.PARTITION_UUID,
            "kind": "mig",
            "model": "NVIDIA H100 80GB HBM3",
            "profile": "1g.10gb",
            "simulated": False,
            "free": True,
            "run": None,
            "page": None,
        },
        {
            "node": "gpu-node-4",
            "uuid": "MIG-6d0c9a57-1d0d-5f5e-8a38-2b4d4f6f4c77",
            "kind": "mig",
            "model": "NVIDIA H100 80GB HBM3",
            "profile": "1g.10gb",
            "simulated": False,
            "free": False,
            "run": _RUN_ID,
            "page": f"/runs/{_RUN_ID}",
        },
    ],
    "suitable": 2,
    "free": 1,
    "ahead": 0,
    "why_none": None,
}
PREVIEW: dict[str, Any] = {
    "problems": [],
    "fingerprint": examples.FINGERPRINT,
    "benchmark": examples.BENCHMARK,
    "takes": {"expected_s": 43.0, "longest_s": 154.0, "seen": False},
    "outlook": OUTLOOK,
    "equivalents": {
        "body": '{"workload": "null", "scenario": "offline", "parameters": {"batch_size": 4}}',
        "curl": "curl http://127.0.0.1:8642/v1/runs \\\n  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"workload": "null", "scenario": "offline", "parameters": {"batch_size": 4}}\'',
        "cli": "migperf submit null \\\n  --scenario offline \\\n  -p batch_size=4 \\\n  --url http://127.0.0.1:8642",
        "python": 'from migperf.client import Client\n\nwith Client("http://127.0.0.1:8642") as client:\n'
        '    run = client.submit({\n        "workload": "null",\n        "scenario": "offline",\n'
        '        "parameters": {"batch_size": 4},\n    })\n    print(client.page_of(run))\n',
    },
}
UNFINISHED: dict[str, Any] = {
    "problems": [
        {"field": "parameters.batch_size", "detail": "Input should be less than or equal to 4096"},
    ],
    "fingerprint": None,
    "benchmark": None,
    "takes": None,
    "outlook": {
        "places": [],
        "suitable": 0,
        "free": 0,
        "ahead": 0,
        "why_none": "no partition of a living node has profile=1g.11gb; there is 1g.10gb, 3g.40gb",
    },
    "equivalents": None,
}
