/* The rules of MIG: what fits, where it goes, which ids it gets, who holds it. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Host host = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* --- handles --- */

static Return check_lost(const Gpu *gpu) { return gpu->lost ? GPU_IS_LOST : SUCCESS; }

Return find_device(DeviceHandle handle, Device **device) {
    *device = handle;
    for EACH_GPU (gpu) {
        if (handle == &gpu->device)
            return check_lost(gpu);
        for EACH (ComputeInstance, it, gpu->computes)
            if (handle == &it->device)
                return check_lost(gpu);
    }
    return INVALID_ARGUMENT;
}

Return find_gpu(DeviceHandle handle, Gpu **gpu) {
    Device *device;
    Return code = find_device(handle, &device);
    if (code != SUCCESS)
        return code;
    *gpu = device->gpu;
    return device->compute ? INVALID_ARGUMENT : SUCCESS;
}

Return find_mig_device(DeviceHandle handle, ComputeInstance **compute) {
    Device *device;
    Return code = find_device(handle, &device);
    if (code != SUCCESS)
        return code;
    *compute = device->compute;
    return device->compute ? SUCCESS : INVALID_ARGUMENT;
}

Return find_gpu_instance(GpuInstanceHandle handle, GpuInstance **instance) {
    *instance = handle;
    for EACH_GPU (gpu)
        for EACH (GpuInstance, it, gpu->instances)
            if (it == handle)
                return check_lost(gpu);
    return INVALID_ARGUMENT;
}

Return find_compute_instance(ComputeInstanceHandle handle, ComputeInstance **compute) {
    *compute = handle;
    for EACH_GPU (gpu)
        for EACH (ComputeInstance, it, gpu->computes)
            if (it == handle)
                return check_lost(gpu);
    return INVALID_ARGUMENT;
}

const Profile *profile_with_id(const Gpu *gpu, unsigned id) {
    for (unsigned i = 0; i < gpu->board->profile_count; i++)
        if (gpu->board->profiles[i].id == id)
            return &gpu->board->profiles[i];
    return NULL;
}

GpuInstance *gpu_instance_with_id(const Gpu *gpu, unsigned id) {
    for EACH (GpuInstance, it, gpu->instances)
        if (it->id == id)
            return it;
    return NULL;
}

/* --- GPU instances --- */

static bool overlap(unsigned start, unsigned size, unsigned other_start, unsigned other_size) {
    return start < other_start + other_size && other_start < start + size;
}

static bool place_free(const Gpu *gpu, const Profile *profile, unsigned start) {
    for EACH (GpuInstance, it, gpu->instances)
        if (overlap(start, profile->size, it->start, it->profile->size))
            return false;
    return true;
}

/* Media engines are given out once: one instance has its own, or one has all and the others have none. */
static bool media_allow(const Gpu *gpu, Media wanted) {
    for EACH (GpuInstance, it, gpu->instances) {
        Media present = it->profile->media;
        if ((wanted == MEDIA_ALL && present != MEDIA_NONE) || (present == MEDIA_ALL && wanted != MEDIA_NONE))
            return false;
        if (wanted == MEDIA_ONE_SET && present == MEDIA_ONE_SET)
            return false;
    }
    return true;
}

/* How many of a profile its count, the compute slices and the media engines allow beside what is there. On all boards
 * known the free places alone say the same, but for the media engines. */
static unsigned allowance(const Gpu *gpu, const Profile *profile) {
    unsigned same = 0, slices = 0;
    for EACH (GpuInstance, it, gpu->instances) {
        same += it->profile == profile;
        slices += it->profile->slices;
    }
    if (!media_allow(gpu, profile->media))
        return 0;
    unsigned by_count = profile->max_count - same, by_slices = (gpu->board->slices - slices) / profile->slices;
    return by_count < by_slices ? by_count : by_slices;
}

/* Taking every free start from the left is as many as fit, because all have the same size. */
unsigned gpu_instance_capacity(const Gpu *gpu, const Profile *profile) {
    unsigned room = 0, limit = allowance(gpu, profile), after_last = 0;
    for (unsigned i = 0; i < profile->start_count; i++) {
        unsigned start = profile->starts[i];
        if (start >= after_last && place_free(gpu, profile, start)) {
            room++;
            after_last = start + profile->size;
        }
    }
    return room < limit ? room : limit;
}

/* The driver takes the last free place. */
static bool choose_place(const Gpu *gpu, const Profile *profile, const Placement *wanted, unsigned *start) {
    for (unsigned i = profile->start_count; i-- > 0;) {
        *start = profile->starts[i];
        if ((wanted == NULL || wanted->start == *start) && place_free(gpu, profile, *start))
            return true;
    }
    return false;
}

/* Ids come from ranges by share of the memory, as on A100: all of it 0, half 1-2, a quarter 3-6, an eighth 7-14. */
static unsigned new_instance_id(const Gpu *gpu, const Profile *profile) {
    unsigned id = gpu->board->units / profile->size - 1;
    while (gpu_instance_with_id(gpu, id) != NULL)
        id++;
    return id;
}

static bool may_start(const Profile *profile, Placement wanted) {
    for (unsigned i = 0; i < profile->start_count; i++)
        if (profile->starts[i] == wanted.start)
            return profile->size == wanted.size;
    return false;
}

Return create_gpu_instance(Gpu *gpu, const Profile *profile, const Placement *wanted, GpuInstance **made) {
    unsigned start;
    if (wanted != NULL && !may_start(profile, *wanted))
        return INVALID_ARGUMENT;
    if (allowance(gpu, profile) == 0 || !choose_place(gpu, profile, wanted, &start))
        return INSUFFICIENT_RESOURCES;
    GpuInstance *instance = malloc(sizeof *instance);
    *instance = (GpuInstance){.gpu = gpu, .profile = profile, .start = start, .next = gpu->instances};
    instance->id = new_instance_id(gpu, profile);
    gpu->instances = *made = instance;
    tell_of_change(gpu);
    return SUCCESS;
}

Return destroy_gpu_instance(GpuInstance *instance) {
    Gpu *gpu = instance->gpu;
    for EACH (ComputeInstance, it, gpu->computes)
        if (it->parent == instance)
            return IN_USE;
    UNLINK(gpu->instances, instance);
    tell_of_change(gpu);
    return SUCCESS;
}

/* --- compute instances --- */

/* As `nvidia-smi mig -lcip` lists them on A100: by the slices of the GPU instance, then by profile (1c, 2c, 3c, 4c,
 * 7c), how many there can be. The slot with media engines counts as 1c. */
static const unsigned compute_counts[8][5] = {
    [1] = {1}, [2] = {2, 1}, [3] = {3, 1, 1}, [4] = {4, 2, 0, 1}, [7] = {7, 3, 2, 1, 1},
};

bool find_cut(const GpuInstance *instance, unsigned id, Cut *cut) {
    static const unsigned slices[] = {1, 2, 3, 4, 7}, steps[] = {1, 2, 4, 0, 0};
    unsigned row = id == CUT_WITH_MEDIA ? 0 : id;
    if (row > 4 || compute_counts[instance->profile->slices][row] == 0)
        return false;
    *cut = (Cut){id, slices[row], steps[row], compute_counts[instance->profile->slices][row]};
    return true;
}

static bool slices_free(const GpuInstance *instance, unsigned start, unsigned slices) {
    for EACH (ComputeInstance, it, instance->gpu->computes)
        if (it->parent == instance && overlap(start, slices, it->start, it->cut.slices))
            return false;
    return true;
}

unsigned compute_capacity(const GpuInstance *instance, const Cut *cut) {
    unsigned room = 0;
    for (unsigned i = 0; i < cut->count; i++)
        room += slices_free(instance, i * cut->step, cut->slices);
    return room;
}

/* All of the GPU instance's, or those of as many plain slices. */
unsigned compute_sm_count(const GpuInstance *instance, unsigned slices) {
    const Profile *one_slice = &instance->gpu->board->profiles[0];
    return slices == instance->profile->slices ? instance->profile->sm_count : slices * one_slice->sm_count;
}

static bool id_taken(const GpuInstance *instance, unsigned id) {
    for EACH (ComputeInstance, it, instance->gpu->computes)
        if (it->parent == instance && it->id == id)
            return true;
    return false;
}

static bool index_taken(const Gpu *gpu, unsigned index) {
    for EACH (ComputeInstance, it, gpu->computes)
        if (it->index == index)
            return true;
    return false;
}

/* Every compute instance is a new MIG device with a UUID that never was. Its index is the lowest that is free. */
static ComputeInstance *new_compute_instance(GpuInstance *parent, const Cut *cut, unsigned start) {
    Gpu *gpu = parent->gpu;
    ComputeInstance *compute = malloc(sizeof *compute);
    *compute = (ComputeInstance){.parent = parent, .cut = *cut, .start = start, .next = gpu->computes};
    compute->device = (Device){.gpu = gpu, .compute = compute};
    while (id_taken(parent, compute->id))
        compute->id++;
    while (index_taken(gpu, compute->index))
        compute->index++;
    snprintf(compute->uuid, sizeof compute->uuid, "MIG-%08x-0000-5000-8000-%012x", gpu->index, ++host.cut_count);
    return gpu->computes = compute;
}

/* The driver takes the first free place. */
Return create_compute_instance(GpuInstance *instance, const Cut *cut, const Placement *wanted, ComputeInstance **made) {
    bool legal = wanted == NULL;
    for (unsigned i = 0, start = 0; i < cut->count; i++, start += cut->step) {
        bool meant = wanted == NULL || (wanted->start == start && wanted->size == cut->slices);
        legal = legal || meant;
        if (meant && slices_free(instance, start, cut->slices)) {
            *made = new_compute_instance(instance, cut, start);
            tell_of_change(instance->gpu);
            return SUCCESS;
        }
    }
    return legal ? INSUFFICIENT_RESOURCES : INVALID_ARGUMENT;
}

Return destroy_compute_instance(ComputeInstance *compute) {
    Gpu *gpu = compute->device.gpu;
    if (in_use(gpu, compute))
        return IN_USE;
    UNLINK(gpu->computes, compute);
    tell_of_change(gpu);
    return SUCCESS;
}

/* --- the whole GPU --- */

bool in_use(const Gpu *gpu, const ComputeInstance *compute) {
    for EACH_PROCESS (it)
        if (it->pid != 0 && it->gpu == gpu && (compute == NULL || it->compute == compute))
            return true;
    return false;
}

bool sees(const Device *device, const Process *process) {
    if (process->pid == 0 || process->gpu != device->gpu)
        return false;
    return device->compute == NULL || process->compute == device->compute;
}

/* What a test says; else what the processes use. A GPU instance's memory is shared by its compute instances. What a
 * process uses may be unknown. */
unsigned long long used_bytes(const Device *device) {
    if (meters_of(device)->memory_used_bytes.told)
        return meters_of(device)->memory_used_bytes.value;
    unsigned long long sum = 0;
    for EACH_PROCESS (it) {
        bool here = device->compute == NULL || (it->compute && it->compute->parent == device->compute->parent);
        if (it->pid != 0 && it->gpu == device->gpu && here && it->used_bytes != NOT_AVAILABLE)
            sum += it->used_bytes;
    }
    return sum;
}

void clear_gpu(Gpu *gpu) {
    for EACH_PROCESS (it)
        if (it->gpu == gpu)
            it->pid = 0;
    gpu->instances = NULL;
    gpu->computes = NULL;
}

/* Ampere needs a reset; Hopper and later change at once. Neither does while it is cut or used. */
Return set_mig_mode(Gpu *gpu, bool enabled) {
    if (enabled != gpu->mig && (gpu->instances != NULL || in_use(gpu, NULL)))
        return IN_USE;
    gpu->mig_pending = enabled;
    if (enabled == gpu->mig)
        return SUCCESS;
    if (!gpu->board->resetless)
        return RESET_REQUIRED;
    gpu->mig = enabled;
    tell_of_change(gpu);
    return SUCCESS;
}

/* The board's, or those of the GPU instance that a MIG device is in. */
const Meters *meters_of(const Device *device) {
    return &device->gpu->meters[device->compute ? device->compute->parent->id : WHOLE];
}

/* --- events --- */

static void put(EventSet *set, EventData event) {
    if (set->waiting < EVENTS_MOST)
        set->events[set->waiting++] = event;
}

void tell_of_change(Gpu *gpu) {
    for EACH (EventSet, set, host.event_sets)
        for (unsigned i = 0; i < set->watched_count; i++)
            if (set->watched[i].device == &gpu->device && set->watched[i].types & MIG_CONFIG_CHANGE)
                put(set, (EventData){&gpu->device, MIG_CONFIG_CHANGE, 0, NO_INSTANCE, NO_INSTANCE});
    pthread_cond_broadcast(&host.changed);
}

/* A GPU tells of everything on it, a MIG device of what concerns it. */
static bool concerns(const Device *device, const Gpu *gpu, unsigned gpu_instance_id, unsigned compute_instance_id) {
    const ComputeInstance *it = device->compute;
    return device->gpu == gpu && (!it || (it->parent->id == gpu_instance_id && it->id == compute_instance_id));
}

void tell_of_xid(Gpu *gpu, unsigned long long xid, unsigned gpu_instance_id, unsigned compute_instance_id) {
    EventData event = {&gpu->device, XID_CRITICAL_ERROR, xid, gpu_instance_id, compute_instance_id};
    for EACH (EventSet, set, host.event_sets)
        for (unsigned i = 0; i < set->watched_count; i++)
            if (set->watched[i].types & XID_CRITICAL_ERROR
                && concerns(set->watched[i].device, gpu, gpu_instance_id, compute_instance_id))
                put(set, event);
    pthread_cond_broadcast(&host.changed);
}
