"""The part of the client that asks how to cut GPUs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

from migperf.client.transport import Transport

if TYPE_CHECKING:
    from migperf.analysis.advisor.advice import Advice
    from migperf.analysis.advisor.demand import Demand


class _Connected(Protocol):
    _transport: Transport


class AdviceCalls:
    """What a client can ask about the best layouts."""

    def advise(self: _Connected, demand: "Demand | Mapping[str, Any]") -> "Advice":
        """Return the layouts and the assignment that serve a demand, from what the service has measured.

        A demand that the GPUs cannot serve is answered as well. Raises RequestRefusedError for one that makes no sense.
        """
        from migperf.analysis.advisor.advice import Advice

        body = demand.model_dump(mode="json") if isinstance(demand, BaseModel) else dict(demand)
        return self._transport.parse(Advice, self._transport.send("POST", "/v1/advice", json=body))
