"""API keys: making, listing and revoking them; and whose key it is that was sent."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.caller import caller_of
from api.dependencies import AppDatabase, AppLinks, AppSettings
from api.errors import AuthenticationOffError
from api.field_errors import invalid
from api.json_body import JsonRoute
from api.needs import ADMIN, READ
from api.problems import BODY_TOO_LARGE, CONFLICT, MALFORMED_JSON, NOT_FOUND, NOT_JSON, VALIDATION, documented
from api.schemas.keys import KeyList, KeyMade, KeyRequest, KeyView, WhoAmI
from migperf.store import keys
from migperf.store.database import now

router = APIRouter(prefix="/v1/keys", tags=["access"], route_class=JsonRoute, dependencies=[ADMIN])
who_router = APIRouter(prefix="/v1", tags=["access"], dependencies=[READ])
KeyId = Annotated[str, Path(description="Id of a key.", examples=["4be1c09d2f7a"])]


@router.post(
    "",
    status_code=201,
    summary="Make an API key",
    responses=documented(VALIDATION, CONFLICT, MALFORMED_JSON, NOT_JSON, BODY_TOO_LARGE, instance="/v1/keys"),
)
def make_key(
    body: KeyRequest, response: Response, database: AppDatabase, settings: AppSettings, links: AppLinks
) -> KeyMade:
    """Make a key. The answer alone shows its secret. While authentication is off, keys are made by the command line."""
    if not settings.authenticates:
        raise AuthenticationOffError
    with database.write() as session:
        time = now(session)
        if body.expires_at is not None and body.expires_at <= time:
            raise invalid(("body", "expires_at"), "give a time that is to come", body.expires_at.isoformat())
        made = KeyMade.just_made(keys.add(session, body.name, body.scopes, time, body.expires_at), links, time)
    response.headers["Location"] = made.url
    response.headers["Cache-Control"] = "no-store"
    return made


@router.get("", summary="List API keys", responses=documented())
def list_keys(database: AppDatabase, links: AppLinks) -> KeyList:
    """Return every key, newest first, also those that have expired or were revoked."""
    with database.read() as session:
        time = now(session)
        return KeyList(items=tuple(KeyView.of(row, links, time) for row in keys.all_of(session)))


@router.get("/{key_id}", summary="Show an API key", responses=documented(NOT_FOUND))
def get_key(key_id: KeyId, database: AppDatabase, links: AppLinks) -> KeyView:
    """Return a key without its secret."""
    with database.read() as session:
        return KeyView.of(keys.get(session, key_id), links, now(session))


@router.post("/{key_id}/revoke", summary="Revoke an API key", responses=documented(NOT_FOUND))
def revoke_key(key_id: KeyId, database: AppDatabase, links: AppLinks) -> KeyView:
    """Have a key open nothing any more, and end its sessions. Asking twice changes nothing."""
    with database.write() as session:
        time = now(session)
        return KeyView.of(keys.revoke(session, key_id, time), links, time)


@who_router.get("/whoami", summary="Tell who is asking", responses=documented())
async def get_whoami(request: Request) -> WhoAmI:
    """Return whose key was sent, or who has signed in, and what they may do."""
    return WhoAmI.of(caller_of(request))
