"""The base of every answer."""

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """Something that is shown and never changed. Every field is always there, null where there is nothing to tell."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)
