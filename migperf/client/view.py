"""The base of every model of an answer."""

from pydantic import BaseModel, ConfigDict

TOLERANT = ConfigDict(frozen=True, extra="ignore")
"""Fields that a newer service adds are ignored; missing ones are errors."""


class View(BaseModel):
    """Something that the service has answered."""

    model_config = TOLERANT
