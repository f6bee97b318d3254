"""The protocols of servers: is it ready, what does it tell of itself, and what does its model answer."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from workloads.frameworks.exchange import Exchange, ServerError
from workloads.frameworks.parameters import Protocol, ServingParameters
from workloads.frameworks.problem import Doubles, Floats

DEVICE_UNKNOWN = "the server runs on a device of its own, and its protocol does not tell which"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What a server tells of itself; None where it does not."""

    version: str | None = None
    device: str | None = None


class Speaker(ABC):
    """Speaks one protocol. Raises ServerError wherever the server does not."""

    def __init__(self, exchange: Exchange, parameters: ServingParameters) -> None:
        self.exchange, self.parameters = exchange, parameters

    @abstractmethod
    def introduce(self) -> ServerFacts:
        """Ask whether the server is ready, and what it is."""

    @abstractmethod
    def request(self, images: Floats) -> JsonValue:
        """Return the body that asks for these inputs."""

    @abstractmethod
    def ask(self, request: JsonValue) -> Doubles:
        """Send the body; return the numbers of the answer in the shape that they have."""


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore")


_Form = TypeVar("_Form", bound=_Told)
Version = Annotated[str, Field(max_length=100)]


class _ServerMetadata(_Told):
    version: Version


class _Tensor(_Told):
    name: str
    shape: list[int]


class _ModelMetadata(_Told):
    inputs: list[_Tensor]


class _Output(_Tensor):
    data: list[Any]


class _Inference(_Told):
    outputs: list[_Output]


class _Instances(_Told):
    kind: Literal["KIND_AUTO", "KIND_GPU", "KIND_CPU", "KIND_MODEL"] = "KIND_AUTO"
    gpus: list[int] = []


class _Configuration(_Told):
    instance_group: list[_Instances] = []


class Triton(Speaker):
    """The Open Inference Protocol, version 2, over HTTP; and Triton's extension that tells a model's configuration."""

    def introduce(self) -> ServerFacts:
        """See Speaker. Finds out the name of the input as well."""
        self.exchange.text("GET", "/v2/health/ready")
        server = _parsed(_ServerMetadata, self.exchange.json("GET", "/v2"), "/v2")
        path = f"/v2/models/{self.parameters.model}"
        inputs = [tensor.name for tensor in _parsed(_ModelMetadata, self.exchange.json("GET", path), path).inputs]
        name = self.parameters.input_name
        if not inputs or (name is not None and name not in inputs):
            raise ServerError(f"{path} has {len(inputs)} inputs, not {name!r}; correct the parameter input_name")
        self._input = name or inputs[0]
        return ServerFacts(version=server.version, device=self._device(path))

    def request(self, images: Floats) -> JsonValue:
        """See Speaker."""
        flat: list[JsonValue] = list(images.ravel().tolist())
        tensor: JsonValue = {
            "name": self._input,
            "shape": list(images.shape),
            "datatype": "FP32",
            "data": flat,
        }
        return {"inputs": [tensor]}

    def ask(self, request: JsonValue) -> Doubles:
        """See Speaker. Of several outputs, the first counts."""
        path = f"/v2/models/{self.parameters.model}/infer"
        outputs = _parsed(_Inference, self.exchange.json("POST", path, request), path).outputs
        if not outputs or math.prod(outputs[0].shape) != len(outputs[0].data):
            raise ServerError(f"{path} answers with no output, or with one whose data do not fill its shape")
        return _numbers(outputs[0].data, path).reshape(outputs[0].shape)

    def _device(self, path: str) -> str | None:
        """Return where the server says that the model's instances are; its numbers of GPUs are its own."""
        try:
            groups = _parsed(_Configuration, self.exchange.json("GET", f"{path}/config"), path).instance_group
        except ServerError:
            return None  # an extension, which other servers do not have
        told = [f"{group.kind}{group.gpus if group.gpus else ''}" for group in groups if group.kind != "KIND_AUTO"]
        return ", ".join(told) or None


class _About(_Told):
    version: Version


class _Description(_Told):
    info: _About


class _Ping(_Told):
    status: str


class TorchServe(Speaker):
    """TorchServe's inference API, and that of servers that have kept to it."""

    def introduce(self) -> ServerFacts:
        """See Speaker."""
        status = _parsed(_Ping, self.exchange.json("GET", "/ping"), "/ping").status
        if status != "Healthy":
            raise ServerError("/ping does not say Healthy; look at the server's log")
        return ServerFacts(version=self._version())

    def request(self, images: Floats) -> JsonValue:
        """See Speaker."""
        nested: JsonValue = images.tolist()
        return nested

    def ask(self, request: JsonValue) -> Doubles:
        """See Speaker."""
        path = f"/predictions/{self.parameters.model}"
        return _numbers(self.exchange.json("POST", path, request), path)

    def _version(self) -> str | None:
        """Return what the server's description of its interface says."""
        try:
            return _parsed(_Description, self.exchange.json("OPTIONS", "/"), "/").info.version
        except ServerError:
            return None


class RayServe(Speaker):
    """JSON to the route of an application of Ray Serve. Ray's proxy does not tell its version."""

    def introduce(self) -> ServerFacts:
        """See Speaker."""
        self.exchange.text("GET", "/-/healthz")
        routes, route = self.exchange.json("GET", "/-/routes"), f"/{self.parameters.model}"
        if not isinstance(routes, dict) or route not in routes:
            raise ServerError(f"/-/routes does not name {route}; correct the parameter model, or deploy it")
        return ServerFacts()

    def request(self, images: Floats) -> JsonValue:
        """See Speaker."""
        nested: JsonValue = images.tolist()
        return nested

    def ask(self, request: JsonValue) -> Doubles:
        """See Speaker."""
        path = f"/{self.parameters.model}"
        return _numbers(self.exchange.json("POST", path, request), path)


SPEAKERS: Mapping[Protocol, type[Speaker]] = {
    Protocol.TRITON: Triton,
    Protocol.TORCHSERVE: TorchServe,
    Protocol.RAY_SERVE: RayServe,
}


def _parsed(model: type[_Form], answer: JsonValue, path: str) -> _Form:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the answer"
        raise ServerError(f"{path} answers with another form than its protocol's: {place}: {first['msg']}") from error


def _numbers(answer: JsonValue, path: str) -> Doubles:
    """Return nested lists of numbers as an array. Raises ServerError."""
    try:
        return np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ServerError(f"{path} answers with something else than (nested lists of) numbers") from error
