"""What endpoints are given, as annotated types."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import BackgroundTasks, Depends, Path, Request

from api.caller import caller_of
from api.links import Links
from api.pages import Pages
from api.placement import PlacementPasses
from migperf.settings import Settings
from migperf.store.database import Database


@dataclass(frozen=True, slots=True)
class Placement:
    """Lets an endpoint have runs placed once its answer is out."""

    passes: PlacementPasses
    tasks: BackgroundTasks

    def afterwards(self) -> None:
        """Run a placement pass when the answer has been sent."""
        self.tasks.add_task(self.passes.run)


async def settings_of(request: Request) -> Settings:
    """Return the settings of the application."""
    return cast("Settings", request.app.state.settings)


async def database_of(request: Request) -> Database:
    """Return the database of the application."""
    return cast("Database", request.app.state.database)


async def passes_of(request: Request) -> PlacementPasses:
    """Return what runs the application's placement passes."""
    return cast("PlacementPasses", request.app.state.passes)


async def placement_of(passes: Annotated[PlacementPasses, Depends(passes_of)], tasks: BackgroundTasks) -> Placement:
    """Return the placement of this request."""
    return Placement(passes, tasks)


async def pages_of(request: Request) -> Pages:
    """Return what renders the application's pages for whoever sends this request."""
    return cast("Pages", request.app.state.pages).seen_by(caller_of(request))


async def links_of(request: Request) -> Links:
    """Return the links as the sender of this request sees them."""
    return Links(request.scope.get("root_path", ""))


AppSettings = Annotated[Settings, Depends(settings_of)]
AppDatabase = Annotated[Database, Depends(database_of)]
AppLinks = Annotated[Links, Depends(links_of)]
AppPages = Annotated[Pages, Depends(pages_of)]
AppPlacement = Annotated[Placement, Depends(placement_of)]
RunId = Annotated[str, Path(description="Id of a run.", examples=["019ab3f2-7c1e-7d10-9d4e-5b1f0c2a6e77"])]
