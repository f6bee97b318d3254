"""Whether the service is up, and whether it can work."""

from typing import Literal

from pydantic import ConfigDict, Field

from api.schemas.view import View


class Health(View):
    """The process is up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok", "version": "0.1.0"}]})

    status: Literal["ok"] = "ok"
    version: str


class Readiness(View):
    """The service can take runs."""

    model_config = ConfigDict(
        serialize_by_alias=True,
        json_schema_extra={
            "examples": [{"status": "ready", "database": "postgresql", "schema": "0001", "nodes_alive": 2}]
        },
    )

    status: Literal["ready"] = "ready"
    database: str = Field(description="`sqlite` or `postgresql`.")
    revision: str = Field(alias="schema", description="Revision of the database's schema.")
    nodes_alive: int = Field(description="Runs wait in the queue while it is 0.")
