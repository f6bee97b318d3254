"""What the listings by cursor have in common: how much is asked for, and where a page begins."""

from typing import Annotated

from fastapi import Query

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
PageLimit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most so many.")]
PageCursor = Annotated[str | None, Query(max_length=36, description="`next_cursor` of the page before.")]
