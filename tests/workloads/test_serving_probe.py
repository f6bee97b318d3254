"""Protects the verdict about servers: they speak as their protocol says, answer rightly, and are asked with care."""

import socket

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.workloads import servers
from workloads.base import CannotExecuteError, Context, UncountableError, WrongAnswerError
from workloads.frameworks import exchange
from workloads.frameworks.exchange import ServerError
from workloads.frameworks.facts import DEVICE, FRAMEWORK, OBSTACLE, VERSION, Obstacle
from workloads.frameworks.problem import logits, problem
from workloads.registry import card

PROTOCOLS = sorted(servers.SPOKEN)
ASKED = {
    "triton": "POST /v2/models/probe/infer",
    "torchserve": "POST /predictions/probe",
    "ray-serve": "POST /probe",
}


def built(url: str, *, facts=None, **parameters):
    entry = card("serving")
    context = Context(device=torch.device("cpu"), seed=0, tell=(facts if facts is not None else {}).update)
    return entry.load().inference(entry.parameters.model_validate({"url": url, **parameters}), context)


@pytest.fixture
def closed_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize(("protocol", "version"), [("triton", "2.60.0"), ("torchserve", "0.12.0"), ("ray-serve", None)])
def test_a_server_that_has_the_probes_model_is_checked_against_numpy(protocol, version):
    facts = {}
    with servers.serving(servers.SPOKEN[protocol]()) as url:
        payload = built(url, facts=facts, protocol=protocol, answer="probe")
        answer = payload.infer(payload.stage(payload.next_batch()))
        report = payload.report()
    asked = problem(0)
    np.testing.assert_allclose(answer.numpy(), logits(asked.weights, asked.batches[0].images), rtol=1e-6)
    assert report.figures[0].value < 1e-6
    assert facts == {FRAMEWORK: protocol, VERSION: version, DEVICE: None}
    assert report.tables["server"]["device"] is None
    assert "device of its own" in report.tables["server"]["device_unknown"]
    with pytest.raises(UncountableError):
        payload.step_cost()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_wrong_answer_is_seen_before_anything_is_timed(protocol):
    routes = servers.SPOKEN[protocol]()
    right = routes[ASKED[protocol]]

    def wrong(body):
        status, content = right(body)
        return status, content.replace(b"0.", b"1.", 1)

    with servers.serving({**routes, ASKED[protocol]: wrong}) as url:
        with pytest.raises(WrongAnswerError, match="differs from what NumPy computes"):
            built(url, protocol=protocol, answer="probe")
        assert built(url, protocol=protocol).report().figures[0].absent == "with answer = finite there is no reference"


@pytest.mark.parametrize("content", [b"[NaN]", b"[]", b"[1e999]"])
def test_an_answer_without_a_finite_number_is_wrong(content):
    routes = servers.ray_serve() | {"POST /probe": lambda _: (200, content)}
    with servers.serving(routes) as url, pytest.raises(WrongAnswerError, match="empty, or not all of it is finite"):
        built(url, protocol="ray-serve")


def test_an_input_of_another_shape_can_be_asked_for():
    routes = servers.ray_serve() | {"POST /probe": lambda body: servers.served(np.shape(body))}
    with servers.serving(routes) as url:
        payload = built(url, protocol="ray-serve", input_shape=[2, 3, 5])
        assert payload.infer(payload.next_batch()).tolist() == [2, 3, 5]
        assert payload.samples_per_step == 2


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ({"instance_group": [{"kind": "KIND_GPU", "count": 1, "gpus": [0]}]}, "KIND_GPU[0]"),
        ({"instance_group": [{"kind": "KIND_CPU", "count": 1}]}, "KIND_CPU"),
        ({"instance_group": []}, None),
        ({"instance_group": [{"kind": "anything at all"}]}, None),
    ],
)
def test_a_server_that_tells_its_device_is_believed(configuration, told):
    facts = {}
    with servers.serving(servers.triton(**configuration)) as url:
        table = built(url, facts=facts).report().tables["server"]
    assert facts[DEVICE] == table["device"] == told
    assert (table["device_unknown"] is None) == (told is not None)


def test_where_no_server_answers_nothing_is_known_of_it(closed_port):
    facts = {}
    with pytest.raises(
        CannotExecuteError, match=f"no server answers at http://127.0.0.1:{closed_port} .*parameter url"
    ):
        built(f"http://127.0.0.1:{closed_port}", facts=facts)
    assert facts[OBSTACLE] == Obstacle.NOT_REACHED


def test_proxies_of_the_environment_are_not_asked(monkeypatch, closed_port):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    with servers.serving(servers.ray_serve()) as url:
        assert built(url, protocol="ray-serve", answer="probe").report().figures[0].value < 1e-6


@pytest.mark.parametrize(
    ("protocol", "broken", "said"),
    [
        ("triton", {"GET /v2/health/ready": lambda _: (503, b"secret")}, "status 503 and not 200"),
        ("triton", {"GET /v2": lambda _: servers.served({"name": "x"})}, "/v2 answers with another form .* version"),
        ("triton", {ASKED["triton"]: lambda _: servers.served({"outputs": []})}, "answers with no output"),
        ("torchserve", {"GET /ping": lambda _: servers.served({"status": "secret"})}, "does not say Healthy"),
        ("torchserve", {ASKED["torchserve"]: lambda _: (500, b"secret")}, "status 500 and not 200; check"),
        ("ray-serve", {"GET /-/routes": lambda _: servers.served({"/secret": "x"})}, "does not name /probe"),
        ("ray-serve", {ASKED["ray-serve"]: lambda _: (200, b"secret")}, "answers with what is no JSON"),
        ("ray-serve", {ASKED["ray-serve"]: lambda _: servers.served({"a": "secret"})}, "something else than .*numbers"),
    ],
)
def test_a_server_that_breaks_its_protocol_fails_and_is_not_quoted(protocol, broken, said):
    with (
        servers.serving({**servers.SPOKEN[protocol](), **broken}) as url,
        pytest.raises(ServerError, match=said) as caught,
    ):
        built(url, protocol=protocol)
    assert "secret" not in str(caught.value)


def test_a_silent_server_is_waited_for_as_long_as_was_said():
    routes = servers.ray_serve() | {"POST /probe": servers.silent}
    with servers.serving(routes) as url, pytest.raises(ServerError, match=r"more than timeout_s = 0\.1 s"):
        built(url, protocol="ray-serve", timeout_s=0.1)


def test_redirects_are_not_followed():
    routes = servers.ray_serve() | {"GET /-/healthz": lambda _: (302, b"")}
    with (
        servers.serving(servers.ray_serve()) as other,
        servers.serving(routes, location=f"{other}/-/healthz") as url,
        pytest.raises(ServerError, match="status 302"),
    ):
        built(url, protocol="ray-serve")


def test_an_answer_without_end_is_not_read_to_it(monkeypatch):
    monkeypatch.setattr(exchange, "MOST_BYTES", 1 << 20)
    routes = servers.ray_serve() | {"POST /probe": lambda _: (200, b"[" + b"1," * (1 << 20) + b"1]")}
    with servers.serving(routes) as url, pytest.raises(ServerError, match="more than 1 MiB"):
        built(url, protocol="ray-serve")


def test_an_input_that_the_model_does_not_have_is_refused_naming_the_parameter():
    with servers.serving(servers.triton()) as url:
        assert built(url, input_name="images").samples_per_step == 32
        with pytest.raises(ServerError, match="1 inputs, not 'pixels'; correct the parameter input_name"):
            built(url, input_name="pixels")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"url": "ftp://host"}, "must begin with http"),
        ({"url": "file:///etc/passwd"}, "must begin with http"),
        ({"url": "http://"}, "name a host"),
        ({"url": "http://user:word@host"}, "must not hold a user or a password"),
        ({"url": "http://host/?q=1"}, "leave out what begins with"),
        ({"model": "../admin"}, "pattern"),
        ({"model": ""}, "model must be named for protocol = triton"),
        ({"input_shape": [1024, 1025]}, "more than the 1048576"),
        ({"answer": "probe", "input_shape": [1]}, "leave input_shape out"),
        ({"timeout_s": 0}, "greater than 0"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(values, said):
    with pytest.raises(ValidationError, match=said):
        card("serving").parameters.model_validate(values)
