"""The examples of GPUs and their layouts: one GPU, cut in three, on which the run of the other examples was made."""

from pydantic import JsonValue

from api.schemas.examples import GPU_UUID, PARTITION_UUID, RUN_ID

CHANGE_ID = "019ab3f5-2d40-7a52-8c1f-3e9b7d0a4c15"
LAYOUT = "3g.40gb@4+2g.20gb@0+1g.10gb@2"
WANTED = "4g.40gb+3g.40gb"


def _instance(number: int, profile: str, start: int, size: int, **compute: JsonValue) -> dict[str, JsonValue]:
    slices = int(profile[0])
    return {
        "id": number,
        "profile": profile,
        "placement": {"start": start, "size": size},
        "slices": slices,
        "compute_instances": [
            {"id": 0, "profile": profile, "slices": slices, "placement": {"start": 0, "size": slices}, **compute}
        ],
    }


LEASED_INSTANCE = _instance(9, "1g.10gb", 2, 1, partition=PARTITION_UUID, sm_count=16, memory_mib=9984, run=RUN_ID)
IDLE_UUIDS = ("MIG-6b1f8a0e-3c52-5d0b-9c41-1f0a7be2d963", "MIG-c9d7e4a2-80f6-5be1-a3d8-72e50b9c1f46")
GPU: dict[str, JsonValue] = {
    "uuid": GPU_UUID,
    "url": f"/v1/gpus/{GPU_UUID}",
    "model": "NVIDIA H100 80GB HBM3",
    "architecture": "hopper",
    "compute_capability": "9.0",
    "pci_bus_id": "00000000:1B:00.0",
    "driver_version": "570.124.06",
    "cuda_version": "12.8",
    "memory_mib": 81559,
    "sm_count": None,
    "simulated": False,
    "node": "gpu-node-3",
    "node_alive": True,
    "state": "leased",
    "problem": None,
    "run": None,
    "mig": {"enabled": True, "pending": True, "resetless": True},
    "memory_units": 8,
    "compute_slices": 7,
    "layout": LAYOUT,
    "instances": [
        _instance(3, "2g.20gb", 0, 2, partition=IDLE_UUIDS[0], sm_count=32, memory_mib=20096, run=None),
        LEASED_INSTANCE,
        _instance(1, "3g.40gb", 4, 4, partition=IDLE_UUIDS[1], sm_count=60, memory_mib=40448, run=None),
    ],
    "change": None,
    "kept_layout": None,
    "restore_layout": None,
    "seen_at": "2026-03-02T09:15:03Z",
    "retired_at": None,
}
PROFILES: list[JsonValue] = [
    {
        "name": "3g.40gb",
        "slices": 3,
        "size": 4,
        "sm_count": 60,
        "memory_mib": 40448,
        "max_count": 2,
        "starts": [0, 4],
    }
]
LEGAL_LAYOUT: dict[str, JsonValue] = {
    "layout": WANTED,
    "example": "4g.40gb@0+3g.40gb@4",
    "instances": [
        {"profile": "4g.40gb", "placement": {"start": 0, "size": 4}, "slices": 4},
        {"profile": "3g.40gb", "placement": {"start": 4, "size": 4}, "slices": 3},
    ],
    "full": True,
    "slices_left": 0,
}
CHANGE: dict[str, JsonValue] = {
    "id": CHANGE_ID,
    "url": f"/v1/layout-changes/{CHANGE_ID}",
    "gpu": GPU_UUID,
    "layout": WANTED,
    "origin": "request",
    "force": False,
    "state": "queued",
    "attempts": 0,
    "created_at": "2026-03-02T09:18:10.052000Z",
    "started_at": None,
    "finished_at": None,
    "before": None,
    "after": None,
    "reason": None,
}
LAYOUT_STATE: dict[str, JsonValue] = {
    "gpu": GPU_UUID,
    "layout": LAYOUT,
    "kept_layout": None,
    "restore_layout": None,
    "change": CHANGE,
    "changes": [CHANGE],
}
_NO_STEP: dict[str, JsonValue] = {
    "enabled": None,
    "gpu_instance_id": None,
    "compute_instance_id": None,
    "partition": None,
    "profile": None,
    "placement": None,
    "slices": None,
    "compute_placement": None,
}
PLAN: dict[str, JsonValue] = {
    "gpu": GPU_UUID,
    "before": LAYOUT,
    "after": "4g.40gb@0+3g.40gb@4",
    "steps": [
        {
            **_NO_STEP,
            "action": "destroy_compute",
            "text": f"destroy compute instance 0 (1g.10gb, {PARTITION_UUID}) of GPU instance 9",
            "gpu_instance_id": 9,
            "compute_instance_id": 0,
            "partition": PARTITION_UUID,
            "profile": "1g.10gb",
        },
        {
            **_NO_STEP,
            "action": "create_instance",
            "text": "create GPU instance 4g.40gb@0",
            "profile": "4g.40gb",
            "placement": {"start": 0, "size": 4},
        },
    ],
    "destroys": [{"partition": PARTITION_UUID, "profile": "1g.10gb", "run": RUN_ID}],
    "runs": [RUN_ID],
}
LAYOUT_CHECK: dict[str, JsonValue] = {
    "model": "NVIDIA H100 80GB HBM3",
    "gpu": None,
    "layout": "4g.40gb@0+2g.20gb@4",
    "legal": True,
    "objection": None,
    "instances": [
        {
            "profile": "4g.40gb",
            "placement": {"start": 0, "size": 4},
            "slices": 4,
            "compute_placements": [{"start": 0, "size": 4}],
        },
        {
            "profile": "2g.20gb",
            "placement": {"start": 4, "size": 2},
            "slices": 2,
            "compute_placements": [{"start": 0, "size": 2}],
        },
    ],
    "memory_units": 8,
    "compute_slices": 7,
    "slices_left": 1,
    "full": False,
    "moves": [
        {
            "instance": "1g.10gb@6",
            "profile": "1g.10gb",
            "placement": {"start": 6, "size": 1},
            "slices": 1,
            "layout": "4g.40gb@0+2g.20gb@4+1g.10gb@6",
            "objection": None,
        },
        {
            "instance": "3g.40gb@4",
            "profile": "3g.40gb",
            "placement": {"start": 4, "size": 4},
            "slices": 3,
            "layout": None,
            "objection": {
                "rule": "overlap",
                "detail": "3g.40gb@4 would overlap with 2g.20gb@4",
                "instance": "3g.40gb@4",
                "beside": "2g.20gb@4",
                "memory_units": {"start": 4, "size": 2},
            },
        },
    ],
}
