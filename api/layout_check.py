"""Checking a layout against a board that is known, or against a GPU of the service. Only reads."""

from sqlalchemy.orm import Session

from api.field_errors import invalid
from api.schemas.layout_check import LayoutCheck, LayoutCheckRequest
from migperf.errors import ConflictError
from migperf.gpus.gpu import Gpu
from migperf.gpus.known_boards import board_key, gpu_of_board
from migperf.gpus.legality import legality, moves
from migperf.gpus.simulation.boards import BOARDS
from migperf.store import gpus


def check_layout(session: Session, request: LayoutCheckRequest) -> LayoutCheck:
    """Say whether the layout is legal there. Raises NotFoundError, ConflictError, RequestValidationError."""
    gpu = _subject(session, request)
    found = legality(gpu, request.wanted)
    onward = moves(gpu.geometry, found.placed) if gpu.geometry is not None and found.objection is None else ()
    return LayoutCheck.of(gpu, request.gpu, found, onward)


def _subject(session: Session, request: LayoutCheckRequest) -> Gpu:
    if (request.board is None) == (request.gpu is None):
        raise invalid(("body", "board"), "give either board or gpu", request.board)
    if request.gpu is not None:
        return _readable(gpus.describe(gpus.get(session, request.gpu)))
    key = board_key(str(request.board))
    if key is None:
        raise invalid(("body", "board"), f"is no board known here; there are {', '.join(BOARDS)}", request.board)
    return gpu_of_board(key)


def _readable(gpu: Gpu) -> Gpu:
    if gpu.problem is not None and gpu.geometry is None:
        raise ConflictError(f"{gpu.uuid} cannot be read: {gpu.problem}")
    return gpu
