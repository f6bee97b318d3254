"""The OpenAPI document: what FastAPI finds in the routes, and the schema of problems, which all of them share."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import JsonValue
from pydantic.json_schema import models_json_schema

from api.access_description import describe_access
from api.problems import Problem
from api.schemas.view import View

DESCRIPTION = """\
Submit benchmarks of GPU partitions, follow them, and read what they measured.

Errors are problem documents (`application/problem+json`); times are in UTC; every number states its unit.
"""


def operation_id(route: APIRoute) -> str:
    """Return the name by which generated clients call the route: that of its function."""
    return route.name


def with_problems(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return the application's ``openapi``, with the schemas of problems added.

    FastAPI drops every null from the document, and examples without members that are always there would be wrong, so
    they are put back.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        describe_access(app, document)
        _, definitions = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
        schemas = document["components"]["schemas"]
        schemas |= definitions["$defs"]
        for view in _views(View):
            if view.__name__ in schemas and (examples := _examples(view)):
                schemas[view.__name__]["examples"] = examples
        return document

    return openapi


def _views(base: type[View]) -> Iterator[type[View]]:
    for view in base.__subclasses__():
        yield view
        yield from _views(view)


def _examples(view: type[View]) -> JsonValue:
    extra = view.model_config.get("json_schema_extra")
    return extra.get("examples") if isinstance(extra, dict) else None
