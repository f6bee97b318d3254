"""Which stored runs the baseline of a check is: by id, by label, the last ones; never tainted, never beside others."""

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from migperf.client import ApiNotFoundError, CannotCheckError, CheckPlan, Client
from migperf.client.baselines import baselines, baselines_of
from migperf.gpus.partition import PartitionKind
from migperf.store import leases, runs
from migperf.store.database import Database, now
from migperf.store.states import RunState
from tests import builders
from tests.analysis.experiments.made_experiments import Ending, cell, made
from tests.api import steps

pytestmark = pytest.mark.timeout(60)
_NUMBERS = count()
A30 = {"uuid": "MIG-1", "kind": PartitionKind.MIG, "model": "NVIDIA A30", "profile": "1g.6gb"}


def ended(
    database: Database, state: RunState = RunState.SUCCEEDED, *, on: dict[str, Any] | None = None, **request: Any
) -> str:
    """A run that has ended, newer than those before it, on a CPU unless told otherwise."""
    number = next(_NUMBERS)
    run_id = steps.submitted(database, steps.NOW + timedelta(seconds=number), **request)
    partition = builders.partition(**{"uuid": "CPU-1", **(on or {})})
    with database.write() as session:
        at = now(session)
        builders.register(session, at, partition)
        token = builders.place(session, runs.lock(session, run_id), at, partition.uuid).id
        leases.claim(session, token, "node-1-a", at + timedelta(milliseconds=1), 15)
    steps.finished(database, token, state)
    return run_id


def tainted(database: Database, run_id: str) -> str:
    with database.write() as session:
        runs.lock(session, run_id).taints = [steps.TAINT.model_dump()]
    return run_id


def found(client: Client, reference: str, **plan: Any) -> list[list[str]]:
    """The runs of each baseline."""
    return [[run.id for run in each.runs] for each in baselines(client, CheckPlan(reference=reference, **plan))]


def test_a_label_stands_for_the_newest_that_succeeded_with_it(client: Client, database: Database) -> None:
    main = [ended(database, labels={"branch": "main"}) for _ in range(4)]
    ended(database, RunState.FAILED, labels={"branch": "main"})
    ended(database, labels={"branch": "other"})
    assert found(client, "label:branch=main", baseline_runs=3) == [main[:0:-1]]


def test_each_benchmark_and_class_of_partitions_is_a_baseline_of_its_own(client: Client, database: Database) -> None:
    labels = {"commit": "4f1"}
    on_cpu = ended(database, labels=labels)
    on_mig = ended(database, labels=labels, on=A30)
    twin = ended(database, labels=labels, on={**A30, "uuid": "MIG-2"})
    larger = ended(database, labels=labels, on={**A30, "uuid": "MIG-3", "profile": "2g.12gb"})
    other = ended(database, labels=labels, parameters={"step_ms": 2})
    assert found(client, "label:commit=4f1") == [[other], [larger], [twin, on_mig], [on_cpu]]


def test_a_label_may_have_anything_behind_its_first_equals_sign(client: Client, database: Database) -> None:
    run_id = ended(database, labels={"ref": "a=b:c,d"})
    assert found(client, "label:ref=a=b:c,d") == [[run_id]]


def test_ids_stand_for_these_very_runs(client: Client, database: Database) -> None:
    first, _, third = (ended(database) for _ in range(3))
    assert found(client, f"{first},{third}") == [[third, first]]


def test_tainted_runs_are_no_baseline_unless_allowed(client: Client, database: Database) -> None:
    clean, dirty = ended(database, labels={"a": "1"}), tainted(database, ended(database, labels={"a": "1"}))
    assert found(client, "label:a=1") == [[clean]]
    assert found(client, "label:a=1", allow_tainted=True) == [[dirty, clean]]
    with pytest.raises(CannotCheckError, match=r"is tainted \(busy_neighbours\): choose another"):
        found(client, dirty)
    assert found(client, dirty, allow_tainted=True) == [[dirty]]


def test_runs_of_experiments_are_no_baseline(client: Client, database: Database) -> None:
    """Others may have been beside them."""
    experiment_id = made(database, [cell()], lambda *_: Ending())
    (run,) = client.runs(experiment=experiment_id, state="succeeded")
    with pytest.raises(CannotCheckError, match="belongs to an experiment"):
        found(client, run.id)
    assert of(client, "last", where="kind=cpu") == []
    lone = ended(database, where="kind=cpu")
    assert of(client, "last", where="kind=cpu") == [[lone]]


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("label:branch", "is not of the form label:KEY=VALUE"),
        ("label:=x", "is not of the form label:KEY=VALUE"),
        ("", "names no run"),
        ("last", "give them as files"),
        ("label:branch=main", "no run can be the baseline 'label:branch=main'.*`migperf submit` with that label"),
    ],
)
def test_what_stands_for_nothing_is_said_with_the_remedy(client: Client, reference: str, words: str) -> None:
    with pytest.raises(CannotCheckError, match=words):
        found(client, reference)


def test_that_all_are_tainted_is_said(client: Client, database: Database) -> None:
    tainted(database, ended(database, labels={"a": "1"}))
    with pytest.raises(CannotCheckError, match="1 that did are tainted"):
        found(client, "label:a=1")


def test_a_named_run_must_be_there_and_have_succeeded(client: Client, database: Database) -> None:
    with pytest.raises(ApiNotFoundError):
        found(client, "nobody")
    failed = ended(database, RunState.FAILED)
    with pytest.raises(CannotCheckError, match=f"run {failed} is failed"):
        found(client, failed)


def of(client: Client, reference: str, **request: Any) -> list[list[str]]:
    """The runs of each baseline of a benchmark that is given."""
    reading = client.read_benchmark({**steps.REQUEST, **request})
    return [[run.id for run in each.runs] for each in baselines_of(client, CheckPlan(reference=reference), reading)]


def test_of_a_given_benchmark_the_runs_with_its_fingerprint_count(client: Client, database: Database) -> None:
    mine, other = ended(database, labels={"a": "1"}, seed=3), ended(database, labels={"a": "1"}, method={"min_s": 1})
    assert of(client, "label:a=1") == of(client, "last") == of(client, f"{mine},{other}") == [[mine]]
    assert of(client, other) == []


def test_of_a_given_benchmark_the_runs_where_it_may_run_count(client: Client, database: Database) -> None:
    on_cpu, on_mig = ended(database, labels={"a": "1"}), ended(database, labels={"a": "1"}, on=A30)
    assert of(client, "label:a=1") == [[on_mig], [on_cpu]]
    assert of(client, "label:a=1", where="kind=cpu") == [[on_cpu]]
    assert of(client, "label:a=1", where="node=node-2") == []


def test_last_is_the_class_of_partitions_that_was_measured_last(client: Client, database: Database) -> None:
    on_mig, on_cpu = ended(database, on=A30), ended(database)
    assert of(client, "last") == [[on_cpu]]
    assert of(client, "last", where="kind=mig") == [[on_mig]]
    ended(database, on={**A30, "uuid": "MIG-9", "simulated": True})
    assert of(client, "last", where="kind=mig") == [[on_mig]], "a simulated partition says nothing of a real one"
