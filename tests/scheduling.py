"""How the tests are dealt out to processes that run side by side: a file at a time, and the whole service as one."""

from xdist.scheduler.loadfile import LoadFileScheduling

WHOLE_SERVICE = "tests/service/"
"""These files share the one Redis database that tests may empty, and each starts half a dozen processes."""


class FilesAndTheService(LoadFileScheduling):
    """What one file builds for all of its tests is built once; two services never run at the same time."""

    def _split_scope(self, nodeid: str) -> str:
        return WHOLE_SERVICE if nodeid.startswith(WHOLE_SERVICE) else super()._split_scope(nodeid)
