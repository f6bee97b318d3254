/* A small model of a host with NVIDIA GPUs: what is there, how it is cut, who uses it. It knows NVML's rules and no
 * function of NVML; those are in nvml.c, and what tests do to the host is in control.c. */
#ifndef MODEL_H
#define MODEL_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "layouts.h"
#include "meters.h"

typedef enum { MEDIA_PLAIN, MEDIA_ONE_SET, MEDIA_ALL, MEDIA_NONE } Media;

/* One row of a board's profile table. */
typedef struct {
    const char *name;
    Media media;
    unsigned slot, id, slices, max_count, sm_count, memory_mib;
    unsigned size, start_count;
    const unsigned *starts;
    unsigned copy, decoders, encoders, jpeg, ofa;
} Profile;

typedef struct {
    const char *key, *name;
    unsigned architecture, capability_major, capability_minor;
    unsigned sm_count, cores_per_sm, memory_mib, device_id;
    unsigned slices, units;
    bool resetless, has_gpm;
    unsigned profile_count;
    const Profile *profiles;
} Board;

/* One way to cut a compute instance out of a GPU instance: places begin every `step` slices. */
typedef struct {
    unsigned id, slices, step, count;
} Cut;
enum { CUT_WITH_MEDIA = 7, CUTS = 9 };

typedef struct Gpu Gpu;
typedef struct GpuInstance GpuInstance;
typedef struct ComputeInstance ComputeInstance;

/* What an nvmlDevice_t points to: a GPU, or a MIG device, which is a compute instance. */
typedef struct Device {
    Gpu *gpu;
    ComputeInstance *compute; /* NULL: the whole GPU */
} Device;

struct ComputeInstance {
    GpuInstance *parent;
    Cut cut;
    unsigned id, start;
    unsigned index; /* among the MIG devices of its GPU */
    char uuid[48];
    Device device;
    ComputeInstance *next;
};

struct GpuInstance {
    Gpu *gpu;
    const Profile *profile;
    unsigned id, start;
    GpuInstance *next;
};

enum { INSTANCE_IDS = 16, WHOLE = INSTANCE_IDS, GPM_MOST = 480, FIELDS_MOST = 16, EVENTS_MOST = 64 };

/* One metric as a test has set it. */
typedef struct {
    bool set;
    Return code;
    double value;
} GpmReading;

/* Metrics that no real driver has: between which times an average lies, in seconds. */
enum { GPM_FROM = 475, GPM_TO = 476 };

struct Gpu {
    Device device;
    const Board *board;
    unsigned index;
    char uuid[48];
    bool lost, mig, mig_pending;
    GpuInstance *instances; /* only what exists; what is destroyed leaves the list, and its address is not used again */
    ComputeInstance *computes;
    unsigned architecture;
    Meters meters[INSTANCE_IDS + 1];              /* by the id of a GPU instance; last, the board's */
    GpmReading gpm[INSTANCE_IDS + 1][GPM_MOST];
    FieldValue fields[FIELDS_MOST]; /* answers that a test has put in */
    unsigned field_count;
};

typedef struct {
    unsigned pid; /* 0: nobody */
    char name[NAME_SIZE];
    Gpu *gpu;
    ComputeInstance *compute; /* NULL: on the whole GPU */
    unsigned long long used_bytes;
    bool mps;
} Process;

typedef struct {
    const Device *device;
    unsigned long long types;
} Watched;

typedef struct EventSet {
    Watched watched[16];
    unsigned watched_count, waiting; /* events that nobody has fetched yet */
    EventData events[EVENTS_MOST];
    struct EventSet *next;
} EventSet;

typedef struct GpmSample {
    const Gpu *gpu; /* NULL: nothing sampled yet */
    unsigned gpu_instance_id;
    long long time_ns;
    struct GpmSample *next;
} GpmSample;

enum { GPUS_MOST = 16, PROCESSES_MOST = 64 };

typedef struct {
    Gpu gpus[GPUS_MOST];
    unsigned gpu_count;
    Process processes[PROCESSES_MOST];
    bool driver_loaded, privileged;
    unsigned initialised; /* how often */
    pid_t owner;
    unsigned cut_count; /* how many compute instances there ever were: makes their UUIDs */
    EventSet *event_sets;
    GpmSample *samples;
    pthread_mutex_t lock;
    pthread_cond_t changed;
} Host;

extern Host host;
extern const Board boards[];
extern const unsigned board_count;

#define EACH_GPU(it) (Gpu *it = host.gpus; it < host.gpus + host.gpu_count; it++)
#define EACH_PROCESS(it) (Process *it = host.processes; it < host.processes + PROCESSES_MOST; it++)
#define EACH(type, it, list) (type *it = (list); it != NULL; it = it->next)

/* Take an item out of a list. */
#define UNLINK(list, item)                  \
    for (__typeof__(item) *at = &(list); *at != NULL; at = &(*at)->next) \
        if (*at == (item)) {                \
            *at = (item)->next;             \
            break;                          \
        }

/* Finding what a handle stands for. A handle is looked up, never followed: it may be dead, or no handle at all. */
Return find_device(DeviceHandle handle, Device **device);
Return find_gpu(DeviceHandle handle, Gpu **gpu);
Return find_mig_device(DeviceHandle handle, ComputeInstance **compute);
Return find_gpu_instance(GpuInstanceHandle handle, GpuInstance **instance);
Return find_compute_instance(ComputeInstanceHandle handle, ComputeInstance **compute);
const Profile *profile_with_id(const Gpu *gpu, unsigned id);
GpuInstance *gpu_instance_with_id(const Gpu *gpu, unsigned id);

/* GPU instances. Without a placement wanted (NULL) the driver chooses. */
unsigned gpu_instance_capacity(const Gpu *gpu, const Profile *profile);
Return create_gpu_instance(Gpu *gpu, const Profile *profile, const Placement *wanted, GpuInstance **made);
Return destroy_gpu_instance(GpuInstance *instance);

/* Compute instances. */
bool find_cut(const GpuInstance *instance, unsigned id, Cut *cut);
unsigned compute_capacity(const GpuInstance *instance, const Cut *cut);
unsigned compute_sm_count(const GpuInstance *instance, unsigned slices);
Return create_compute_instance(GpuInstance *instance, const Cut *cut, const Placement *wanted, ComputeInstance **made);
Return destroy_compute_instance(ComputeInstance *compute);

/* The whole GPU. set_mig_mode returns the activation status. */
Return set_mig_mode(Gpu *gpu, bool enabled);
void clear_gpu(Gpu *gpu);
bool in_use(const Gpu *gpu, const ComputeInstance *compute);
bool sees(const Device *device, const Process *process);
unsigned long long used_bytes(const Device *device);
const Meters *meters_of(const Device *device);

/* Events: to all sets that have registered for them. */
void tell_of_change(Gpu *gpu);
void tell_of_xid(Gpu *gpu, unsigned long long xid, unsigned gpu_instance_id, unsigned compute_instance_id);

#endif
