"""NVML's error codes as exceptions: each says what was asked of what, what the code means there, and what to do.

Codes and remedies: nvml.h, enum nvmlReturn_enum, and NVIDIA's MIG User Guide on permissions.
"""

from typing import ClassVar

from migperf.errors import MigperfError


class NvmlError(MigperfError):
    """An NVML call was answered with an error. Subclasses are the codes that somebody can do something about."""

    code: ClassVar[int] = 999
    meaning: ClassVar[str] = "the driver reports an error that it does not explain"
    remedy: ClassVar[str] = "try once more; if it persists, look into the kernel's log for NVRM messages"

    def __init__(self, call: str, on: str | None = None, *, code: int | None = None) -> None:
        """Describe the failure of ``call`` on the GPU or instance ``on``; ``code`` where the class covers several."""
        self.call = call
        self.on = on
        self.nvml_code = self.code if code is None else code
        subject = f"{call} on {on}" if on else call
        super().__init__(f"{subject}: {self.meaning} (NVML error {self.nvml_code}); {self.remedy}")


class NvmlUninitializedError(NvmlError):
    """NVML was not initialised in this process, or by a process that has forked since."""

    code = 1
    meaning = "NVML is not initialised in this process"
    remedy = "open the driver after forking, once in each process"


class NvmlInvalidArgumentError(NvmlError):
    """A handle or argument is not valid: often the handle of an instance that has been destroyed."""

    code = 2
    meaning = "an argument is not valid, perhaps the handle of an instance that is gone"
    remedy = "read the layout again and use the new handles"


class NvmlNotSupportedError(NvmlError):
    """Not offered by this board, or not in its present mode."""

    code = 3
    meaning = "not supported by this board in its present mode"
    remedy = "nothing is wrong: the quantity does not exist here"


class NvmlNoPermissionError(NvmlError):
    """The process lacks a right."""

    code = 4
    meaning = "no permission"
    remedy = (
        "changing MIG mode needs CAP_SYS_ADMIN (root), cutting needs access to the capability mig/config, seeing other "
        "instances' processes and memory needs mig/monitor; containers must be given these explicitly"
    )


class NvmlNotFoundError(NvmlError):
    """No such device, instance or process."""

    code = 6
    meaning = "not found"
    remedy = "list what is there; UUIDs of MIG devices change whenever they are created again"


class NvmlDriverNotLoadedError(NvmlError):
    """NVIDIA's kernel driver is not loaded."""

    code = 9
    meaning = "NVIDIA's kernel driver is not loaded"
    remedy = "load it (modprobe nvidia) or install it"


class NvmlTimeoutError(NvmlError):
    """The driver did not answer in time."""

    code = 10
    meaning = "the driver did not answer in time"
    remedy = "try again; a GPU that keeps doing so needs a reset"


class NvmlLibraryNotFoundError(NvmlError):
    """There is no libnvidia-ml.so.1."""

    code = 12
    meaning = "libnvidia-ml.so.1 is not to be found"
    remedy = "install NVIDIA's driver, or give the container the driver's utility libraries"


class NvmlFunctionNotFoundError(NvmlError):
    """The driver is older than the call."""

    code = 13
    meaning = "this driver does not know the call"
    remedy = "use a newer driver (MIG: R470 or later)"


class GpuLostError(NvmlError):
    """The GPU fell off the bus."""

    code = 15
    meaning = "the GPU has fallen off the bus or is otherwise inaccessible"
    remedy = "stop using it, look for XID messages in the kernel's log, reset it or reboot the host"


class NvmlResetRequiredError(NvmlError):
    """The change takes effect with the next reset of the GPU."""

    code = 16
    meaning = "takes effect only after a reset of the GPU"
    remedy = "stop every process that uses the GPU, then run `nvidia-smi --gpu-reset -i ID` as root, or reboot"


class NvmlDriverMismatchError(NvmlError):
    """Driver and library are of different versions."""

    code = 18
    meaning = "the library and the loaded kernel driver are of different versions"
    remedy = "the driver was updated while it was loaded: reboot, or reload its kernel modules"


class NvmlInUseError(NvmlError):
    """Somebody uses it."""

    code = 19
    meaning = "in use: a compute instance, a process, an MPS server or a monitoring daemon holds it"
    remedy = "end what uses it (`migperf gpus` shows the processes; also DCGM and MPS daemons) and try again"


class NvmlMemoryError(NvmlError):
    """Out of memory."""

    code = 20
    meaning = "the driver ran out of memory"
    remedy = "free host memory and try again"


class NvmlNoDataError(NvmlError):
    """Nothing has been sampled yet."""

    code = 21
    meaning = "there is no data yet"
    remedy = "sample again later"


class NvmlInsufficientResourcesError(NvmlError):
    """No room for another instance, or its place is taken."""

    code = 23
    meaning = "no room for it, or its place is taken"
    remedy = "another program may have changed the layout: read it again and plan anew"


class NvmlVersionMismatchError(NvmlError):
    """The driver does not know this version of a structure."""

    code = 25
    meaning = "this driver does not know the version of the structure"
    remedy = "use a newer driver"


_KNOWN: dict[int, type[NvmlError]] = {cls.code: cls for cls in NvmlError.__subclasses__()}


def nvml_error(code: int, call: str, on: str | None = None) -> NvmlError:
    """Return the exception for an NVML return code; an NvmlError itself for a code without a class of its own."""
    cls = _KNOWN.get(code, NvmlError)
    return cls(call, on, code=code)
