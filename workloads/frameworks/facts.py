"""What a probe tells of itself, as facts of its run's environment. Names are read by whoever makes a matrix of them."""

from enum import StrEnum

FRAMEWORK = "framework"
"""What was probed: a framework, or the protocol of a server."""
VERSION = "framework_version"
"""Its version; None where it is not known."""
COMPANIONS = "framework_companions"
"""Versions of what it stands on, by name, such as jaxlib or CUDA."""
DEVICE = "framework_device"
"""Where an answer was really computed, as the framework names it; None where it does not tell."""
OBSTACLE = "framework_obstacle"
"""Why nothing could be tried (an :class:`Obstacle`); left out where something was."""


class Obstacle(StrEnum):
    """Why a probe had nothing to try: neither that it works nor that it fails."""

    NOT_INSTALLED = "not_installed"
    NOT_OFFERED = "not_offered"
    """The framework has nothing of the kind, such as training in an inference engine."""
    NOT_REACHED = "not_reached"
    """No server answers at the address given."""
