"""Why a message did not reach its channel."""

from migperf.errors import MigperfError


class DeliveryError(MigperfError):
    """A message was not taken. The text names the host and never holds a secret, a path or what the receiver wrote."""

    final = False
    """Whether trying again is of no use."""


class RefusedError(DeliveryError):
    """The receiver does not want messages any more, or the channel leads where this service does not send."""

    final = True


class ForbiddenTargetError(RefusedError):
    """A host or address lies where no message may go: inside this network, unless the settings allow it."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"{host} {reason}; give a public address, or have MIGPERF_ALERT_ALLOWED_HOSTS of the service allow this one"
        )
