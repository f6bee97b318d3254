"""Every quantity that is watched on GPUs and hosts: one name, one unit, one meaning, whoever reads it.

Percentages are 0 to 100, rates MiB/s. Docs are generated from here (docs/reference/metrics.md).
"""

from migperf.metrics.metric import Kind, Quantity

_AVERAGE, _GAUGE, _COUNTER, _FLAG, _EVENT = Kind.AVERAGE, Kind.GAUGE, Kind.COUNTER, Kind.FLAG, Kind.EVENT

# Activity of what the run is on: a whole GPU, or its GPU instance (percentages are of the instance's own resources).
GRACT = Quantity("gract", "%", _AVERAGE, "time in which the graphics or compute engine was active")
SM_ACTIVE = Quantity("sm_active", "%", _AVERAGE, "time in which a warp was resident, averaged over multiprocessors")
SM_OCCUPANCY = Quantity("sm_occupancy", "%", _AVERAGE, "resident warps of the most that there can be")
INTEGER_ACTIVE = Quantity("integer_active", "%", _AVERAGE, "activity of the integer pipes")
TENSOR_ACTIVE = Quantity("tensor_active", "%", _AVERAGE, "activity of the tensor pipes, any kind")
TENSOR_DFMA_ACTIVE = Quantity("tensor_dfma_active", "%", _AVERAGE, "activity of the tensor pipes with FP64 products")
TENSOR_HMMA_ACTIVE = Quantity("tensor_hmma_active", "%", _AVERAGE, "activity of the tensor pipes with FP16 or BF16")
TENSOR_IMMA_ACTIVE = Quantity("tensor_imma_active", "%", _AVERAGE, "activity of the tensor pipes with integers")
DRAM_ACTIVE = Quantity("dram_active", "%", _AVERAGE, "memory bandwidth used of the most that there is")
FP64_ACTIVE = Quantity("fp64_active", "%", _AVERAGE, "activity of the FP64 pipes")
FP32_ACTIVE = Quantity("fp32_active", "%", _AVERAGE, "activity of the FP32 pipes")
FP16_ACTIVE = Quantity("fp16_active", "%", _AVERAGE, "activity of the FP16 pipes, tensor pipes left out")
PCIE_SENT = Quantity("pcie_sent", "MiB/s", _AVERAGE, "sent over PCIe by the GPU")
PCIE_RECEIVED = Quantity("pcie_received", "MiB/s", _AVERAGE, "received over PCIe by the GPU")
NVLINK_SENT = Quantity("nvlink_sent", "MiB/s", _AVERAGE, "sent over all NVLinks")
NVLINK_RECEIVED = Quantity("nvlink_received", "MiB/s", _AVERAGE, "received over all NVLinks")

# Memory and processes of what the run is on.
FB_USED = Quantity("fb_used", "MiB", _GAUGE, "device memory in use, the driver's reserve left out")
FB_FREE = Quantity("fb_free", "MiB", _GAUGE, "device memory free")
FB_RESERVED = Quantity("fb_reserved", "MiB", _GAUGE, "device memory that the driver keeps for itself")
NEIGHBOURS_SM_ACTIVE = Quantity(
    "neighbours_sm_active", "%", _GAUGE, "multiprocessors of the GPU's other instances that were active"
)
PROCESSES = Quantity("processes", "1", _GAUGE, "processes with a compute context")

# The board: never an instance's, whatever is cut out of it.
POWER_AVERAGE = Quantity("power_average", "W", _GAUGE, "power of the board, averaged by its sensor over a second")
POWER_INSTANT = Quantity("power_instant", "W", _GAUGE, "power of the board as its sensor last measured it")
POWER_LIMIT = Quantity("power_limit", "W", _GAUGE, "power that the board is held to")
ENERGY = Quantity("energy", "J", _COUNTER, "energy of the board since its driver was loaded")
UTILIZATION_GPU = Quantity("utilization_gpu", "%", _GAUGE, "time in which any kernel ran, by the driver's own sampling")
UTILIZATION_MEMORY = Quantity("utilization_memory", "%", _GAUGE, "time in which device memory was read or written")
CLOCK_SM = Quantity("clock_sm", "MHz", _GAUGE, "clock of the multiprocessors")
CLOCK_MEMORY = Quantity("clock_memory", "MHz", _GAUGE, "clock of the memory")
TEMPERATURE_GPU = Quantity("temperature_gpu", "°C", _GAUGE, "temperature of the GPU's die")
TEMPERATURE_MEMORY = Quantity("temperature_memory", "°C", _GAUGE, "temperature of the memory")
THROTTLE_POWER_CAP = Quantity("throttle_power_cap", "1", _FLAG, "clocks are held down by the power limit")
THROTTLE_HW_SLOWDOWN = Quantity("throttle_hw_slowdown", "1", _FLAG, "the hardware holds clocks down, whatever for")
THROTTLE_HW_THERMAL = Quantity("throttle_hw_thermal", "1", _FLAG, "the hardware holds clocks down for heat")
THROTTLE_HW_POWER_BRAKE = Quantity("throttle_hw_power_brake", "1", _FLAG, "the power supply asked to hold clocks down")
THROTTLE_SW_THERMAL = Quantity("throttle_sw_thermal", "1", _FLAG, "the driver holds clocks down for heat")
THROTTLE_SYNC_BOOST = Quantity("throttle_sync_boost", "1", _FLAG, "clocks follow those of another GPU")
CLOCKS_LOCKED = Quantity("clocks_locked", "1", _FLAG, "clocks are held where somebody has set them")
CLOCKS_IDLE = Quantity("clocks_idle", "1", _FLAG, "clocks are low because nothing runs")
THROTTLED_POWER = Quantity("throttled_power", "s", _COUNTER, "time for which the power limit has held clocks down")
THROTTLED_THERMAL = Quantity("throttled_thermal", "s", _COUNTER, "time for which heat has held clocks down")
PCIE_REPLAYS = Quantity("pcie_replays", "1", _COUNTER, "PCIe packets that had to be sent again")
ECC_CORRECTED = Quantity("ecc_corrected", "1", _COUNTER, "memory errors corrected since the driver was loaded")
ECC_UNCORRECTED = Quantity("ecc_uncorrected", "1", _COUNTER, "memory errors not corrected since the driver was loaded")
XID = Quantity("xid", "1", _EVENT, "an error that the driver reported; the value is its XID number")

# Estimated, and called so.
POWER_ESTIMATE = Quantity(
    "power_estimate",
    "W",
    _GAUGE,
    "share of the board's power above idle: a model's estimate, no reading",
)

# The child, as it and its framework see it.
ALLOCATED = Quantity("allocated", "MiB", _GAUGE, "device memory in tensors, as the framework's allocator counts it")
RESERVED = Quantity("reserved", "MiB", _GAUGE, "device memory that the framework's allocator holds")
ALLOCATION_RETRIES = Quantity(
    "allocation_retries", "1", _COUNTER, "allocations tried again after freeing cached memory"
)

# The child and its descendants.
CPU = Quantity("cpu", "cores", _AVERAGE, "processor time per time passed")
RSS = Quantity("rss", "MiB", _GAUGE, "resident memory, shared pages counted for each process")
THREADS = Quantity("threads", "1", _GAUGE, "threads")
IO_READ = Quantity("io_read", "MiB/s", _AVERAGE, "read from storage")
IO_WRITTEN = Quantity("io_written", "MiB/s", _AVERAGE, "written to storage")

# The host.
HOST_CPU = Quantity("host_cpu", "cores", _AVERAGE, "processor time of the whole host per time passed")
HOST_MEMORY_AVAILABLE = Quantity("host_memory_available", "MiB", _GAUGE, "memory that can be had without swapping")
HOST_SWAPPED = Quantity("host_swapped", "MiB/s", _AVERAGE, "swapped in and out")
HOST_PRESSURE_CPU = Quantity(
    "host_pressure_cpu", "1", _AVERAGE, "share of time in which something waited for a processor"
)
HOST_PRESSURE_MEMORY = Quantity(
    "host_pressure_memory", "1", _AVERAGE, "share of time in which something waited for memory"
)
HOST_PRESSURE_IO = Quantity("host_pressure_io", "1", _AVERAGE, "share of time in which something waited for storage")
PACKAGE_ENERGY = Quantity("package_energy", "J", _COUNTER, "energy of the processors (RAPL), since the first reading")
DRAM_ENERGY = Quantity("dram_energy", "J", _COUNTER, "energy of the main memory (RAPL), since the first reading")

# The samplers themselves.
SAMPLER_LATENESS = Quantity("sampler_lateness", "ms", _GAUGE, "how late the host's sampler began a reading")
SAMPLER_COST = Quantity("sampler_cost", "ms", _GAUGE, "how long the host's sampler took for a reading")
GPU_SAMPLER_LATENESS = Quantity("gpu_sampler_lateness", "ms", _GAUGE, "how late the GPU's sampler began a reading")
GPU_SAMPLER_COST = Quantity("gpu_sampler_cost", "ms", _GAUGE, "how long the GPU's sampler took for a reading")
