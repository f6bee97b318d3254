/* NVML's binary interface as far as migperf uses it: return codes, and structures byte for byte as nvml.h lays them
 * out. pynvml has the same in Python; where the two disagree, a test fails. */
#ifndef LAYOUTS_H
#define LAYOUTS_H

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NO_PERMISSION = 4,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    TIMEOUT = 10,
    GPU_IS_LOST = 15,
    RESET_REQUIRED = 16,
    IN_USE = 19,
    NO_DATA = 21,
    INSUFFICIENT_RESOURCES = 23,
    ARGUMENT_VERSION_MISMATCH = 25,
};

enum { XID_CRITICAL_ERROR = 0x8, MIG_CONFIG_CHANGE = 0x100 };
enum { NAME_SIZE = 96 };
#define NO_INSTANCE 0xFFFFFFFFu
#define NOT_AVAILABLE (~0ULL)
enum {
    FIELD_THROTTLED_POWER = 74,
    FIELD_THROTTLED_THERMAL = 75,
    FIELD_MEMORY_TEMPERATURE = 82,
    FIELD_ENERGY = 83,
    FIELD_PCIE_REPLAYS = 94,
    FIELD_RESETLESS = 184,
    FIELD_POWER_AVERAGE = 185,
    FIELD_POWER_INSTANT = 186,
    FIELD_PCIE_SENT = 197,
    FIELD_PCIE_RECEIVED = 198,
};
enum { CLOCK_GRAPHICS, CLOCK_SM, CLOCK_MEMORY };
enum { SENSOR_GPU };
enum { ECC_CORRECTED, ECC_UNCORRECTED };
enum { ECC_VOLATILE };
enum { TYPE_DOUBLE, TYPE_UINT, TYPE_ULONG, TYPE_ULONG_LONG, TYPE_LONG_LONG, TYPE_INT, TYPE_USHORT };

/* A structure with a version says its own size in it. */
#define VERSION(type, number) ((unsigned)(sizeof(type) | ((number) << 24)))

typedef unsigned Return;
typedef struct Device *DeviceHandle;
typedef struct GpuInstance *GpuInstanceHandle;
typedef struct ComputeInstance *ComputeInstanceHandle;
typedef struct EventSet *EventSetHandle;
typedef struct GpmSample *GpmSampleHandle;

typedef struct {
    unsigned start, size;
} Placement;

typedef struct {
    unsigned long long total, free, used;
} MemoryV1;

typedef struct {
    unsigned version;
    unsigned long long total, reserved, free, used;
} MemoryV2;

typedef struct {
    unsigned gpu, memory;
} Utilization;

typedef struct {
    unsigned version, sensor;
    int temperature;
} Temperature;

typedef struct {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} PciInfo;

typedef struct {
    unsigned pid;
    unsigned long long used_bytes;
    unsigned gpu_instance_id, compute_instance_id;
} ProcessInfo;

typedef union {
    double d;
    unsigned u;
    unsigned long ul;
    unsigned long long ull;
    long long ll;
    int i;
    unsigned short us;
} Value;

typedef struct {
    unsigned field_id, scope_id;
    long long timestamp_us, latency_us;
    unsigned type;
    Return code;
    Value value;
} FieldValue;

typedef struct {
    unsigned id, peer_to_peer, slices, count, sm_count, copy, decoders, encoders, jpeg, ofa;
    unsigned long long memory_mib;
} GpuInstanceProfileV1;

typedef struct {
    unsigned version, id, peer_to_peer, slices, count, sm_count, copy, decoders, encoders, jpeg, ofa;
    unsigned long long memory_mib;
    char name[NAME_SIZE];
} GpuInstanceProfileV2;

typedef struct {
    DeviceHandle device;
    unsigned id, profile_id;
    Placement placement;
} GpuInstanceInfo;

typedef struct {
    unsigned id, slices, count, sm_count, copy, decoders, encoders, jpeg, ofa;
} ComputeInstanceProfileV1;

typedef struct {
    unsigned version, id, slices, count, sm_count, copy, decoders, encoders, jpeg, ofa;
    char name[NAME_SIZE];
} ComputeInstanceProfileV2;

typedef struct {
    DeviceHandle device;
    GpuInstanceHandle gpu_instance;
    unsigned id, profile_id;
    Placement placement;
} ComputeInstanceInfo;

typedef struct {
    unsigned sm_count, copy, decoders, encoders, jpeg, ofa, gpu_instance_slices, compute_instance_slices;
    unsigned long long memory_mib;
} Attributes;

typedef struct {
    DeviceHandle device;
    unsigned long long type, data;
    unsigned gpu_instance_id, compute_instance_id;
} EventData;

typedef struct {
    unsigned version, supported;
} GpmSupport;

typedef struct {
    unsigned metric_id;
    Return code;
    double value;
    struct {
        char *short_name, *long_name, *unit;
    } info;
} GpmMetric;

typedef struct {
    unsigned version, metric_count;
    GpmSampleHandle earlier, later;
    GpmMetric metrics[];
} GpmRequest;

#endif
