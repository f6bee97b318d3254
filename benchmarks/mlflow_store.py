"""MLflow's tracking store on one database: writing metrics by log_batch, reading them by get_metric_history.

Run by series_store.py with an interpreter that has MLflow; imports nothing of migperf. Prints one JSON document.
"""

import argparse
import json
import logging
import time
from importlib.util import find_spec

import mlflow
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

BATCH = 1000
"""MLflow takes no more metrics in one log_batch."""


def main() -> None:
    """Write one metric of many steps, read it again and again, print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="SQLAlchemy URL of an empty database")
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--reads", type=int, default=5)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    client = MlflowClient(tracking_uri=with_driver(arguments.url))
    run_id = client.create_run(client.create_experiment("series")).info.run_id
    ingest_s = write(client, run_id, arguments.samples)
    read_s = sorted(read(client, run_id, arguments.samples) for _ in range(arguments.reads))
    figures = {"ingest_s": ingest_s, "read_s": read_s[len(read_s) // 2], "samples": arguments.samples}
    print(json.dumps({**figures, "version": mlflow.__version__}))


def with_driver(url: str) -> str:
    """Return the URL with the PostgreSQL driver that is installed beside MLflow."""
    driver = "psycopg2" if find_spec("psycopg2") else "psycopg"
    return url.replace("postgresql://", f"postgresql+{driver}://")


def write(client: MlflowClient, run_id: str, samples: int) -> float:
    """Return the seconds that log_batch took for all samples."""
    spent_s = 0.0
    for start in range(0, samples, BATCH):
        steps = range(start, min(start + BATCH, samples))
        batch = [Metric("power", 300.0 + step % 97, 10 * step, step) for step in steps]
        began_s = time.perf_counter()
        client.log_batch(run_id, metrics=batch)
        spent_s += time.perf_counter() - began_s
    return spent_s


def read(client: MlflowClient, run_id: str, samples: int) -> float:
    """Return the seconds that reading the whole metric took."""
    began_s = time.perf_counter()
    found = client.get_metric_history(run_id, "power")
    if len(found) != samples:
        raise RuntimeError(f"MLflow returned {len(found)} of {samples} samples")
    return time.perf_counter() - began_s


if __name__ == "__main__":
    main()
