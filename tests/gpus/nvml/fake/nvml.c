/* The functions of NVML that migperf calls, on top of the model; meters, GPM and events are in files of their own. Built with -DOLD_DRIVER it is a driver of R470: those
 * that came later are not there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"

#ifdef OLD_DRIVER
#define DRIVER_VERSION "470.256.02"
#define CUDA_VERSION 11040
#else
#define DRIVER_VERSION "580.95.05"
#define CUDA_VERSION 13000
#endif

static const unsigned long long MIB = 1ULL << 20, RESERVED_BYTES = 512ULL << 20;

static Return give_text(const char *text, char *buffer, unsigned size) {
    return snprintf(buffer, size, "%s", text) < (int)size ? SUCCESS : INSUFFICIENT_SIZE;
}

/* --- the library and the system --- */

EXPORT Return nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    pthread_mutex_lock(&host.lock);
    Return code = host.driver_loaded ? SUCCESS : DRIVER_NOT_LOADED;
    if (code == SUCCESS) {
        host.initialised = host.owner == getpid() ? host.initialised + 1 : 1;
        host.owner = getpid();
    }
    pthread_mutex_unlock(&host.lock);
    return code;
}

NVML(nvmlShutdown, (void), ()) {
    host.initialised--;
    return SUCCESS;
}

NVML(nvmlSystemGetDriverVersion, (char *version, unsigned size), (version, size)) {
    return give_text(DRIVER_VERSION, version, size);
}

NVML(nvmlSystemGetCudaDriverVersion_v2, (int *version), (version)) {
    *version = CUDA_VERSION;
    return SUCCESS;
}

NVML(nvmlSystemGetProcessName, (unsigned pid, char *name, unsigned size), (pid, name, size)) {
    for EACH_PROCESS (it)
        if (pid != 0 && it->pid == pid)
            return give_text(it->name, name, size);
    return NOT_FOUND;
}

NVML(nvmlDeviceGetCount_v2, (unsigned *count), (count)) {
    *count = host.gpu_count;
    return SUCCESS;
}

NVML(nvmlDeviceGetHandleByIndex_v2, (unsigned index, DeviceHandle *device), (index, device)) {
    if (index >= host.gpu_count)
        return INVALID_ARGUMENT;
    *device = &host.gpus[index].device;
    return host.gpus[index].lost ? GPU_IS_LOST : SUCCESS;
}

/* Its UUID, or the form from before R470. */
static bool has_uuid(const ComputeInstance *compute, const char *uuid) {
    char old[96];
    snprintf(old, sizeof old, "MIG-%s/%u/%u", compute->device.gpu->uuid, compute->parent->id, compute->id);
    return strcmp(compute->uuid, uuid) == 0 || strcmp(old, uuid) == 0;
}

NVML(nvmlDeviceGetHandleByUUID, (const char *uuid, DeviceHandle *device), (uuid, device)) {
    for EACH_GPU (gpu) {
        *device = strcmp(gpu->uuid, uuid) == 0 ? &gpu->device : NULL;
        for EACH (ComputeInstance, it, gpu->computes)
            if (has_uuid(it, uuid))
                *device = &it->device;
        if (*device != NULL)
            return gpu->lost ? GPU_IS_LOST : SUCCESS;
    }
    return NOT_FOUND;
}

/* Calls with one answer: on a GPU or MIG device (`it` is a Device), on a GPU only, or on a MIG device only. */
#define ANSWER(find, subject, name, type, expression)                                \
    NVML(name, (DeviceHandle handle, type * answer), (handle, answer)) {             \
        subject *it;                                                                 \
        CHECK(find(handle, &it));                                                    \
        *answer = expression;                                                        \
        return SUCCESS;                                                              \
    }
#define OF_DEVICE(name, type, expression) ANSWER(find_device, Device, name, type, expression)
#define OF_GPU(name, type, expression) ANSWER(find_gpu, Gpu, name, type, expression)
#define OF_MIG_DEVICE(name, type, expression) ANSWER(find_mig_device, ComputeInstance, name, type, expression)

static unsigned most_devices(const Gpu *gpu) { return gpu->mig ? gpu->board->slices : 0; }

OF_DEVICE(nvmlDeviceGetArchitecture, unsigned, it->gpu->architecture)
OF_DEVICE(nvmlDeviceIsMigDeviceHandle, unsigned, it->compute != NULL)
OF_GPU(nvmlDeviceGetMaxMigDeviceCount, unsigned, most_devices(it))
OF_GPU(nvmlDeviceGetSupportedEventTypes, unsigned long long,
       XID_CRITICAL_ERROR | (it->board->profile_count == 0 ? 0 : MIG_CONFIG_CHANGE))
OF_MIG_DEVICE(nvmlDeviceGetDeviceHandleFromMigDeviceHandle, DeviceHandle, &it->device.gpu->device)
OF_MIG_DEVICE(nvmlDeviceGetGpuInstanceId, unsigned, it->parent->id)
OF_MIG_DEVICE(nvmlDeviceGetComputeInstanceId, unsigned, it->id)

/* --- a GPU, or a MIG device --- */

NVML(nvmlDeviceGetUUID, (DeviceHandle handle, char *uuid, unsigned size), (handle, uuid, size)) {
    Device *device;
    CHECK(find_device(handle, &device));
    return give_text(device->compute ? device->compute->uuid : device->gpu->uuid, uuid, size);
}

static void cut_name(const GpuInstance *parent, const Cut *cut, char *name) {
    const char *whole = parent->profile->name;
    if (cut->id == CUT_WITH_MEDIA)
        snprintf(name, NAME_SIZE, "1c.%.*s+me", (int)strcspn(whole, "+-"), whole);
    else if (cut->slices == parent->profile->slices)
        snprintf(name, NAME_SIZE, "%s", whole);
    else
        snprintf(name, NAME_SIZE, "%uc.%s", cut->slices, whole);
}

NVML(nvmlDeviceGetName, (DeviceHandle handle, char *name, unsigned size), (handle, name, size)) {
    Device *device;
    CHECK(find_device(handle, &device));
    if (device->compute == NULL)
        return give_text(device->gpu->board->name, name, size);
    char cut[NAME_SIZE], full[2 * NAME_SIZE + 5];
    Cut plain = {.slices = device->compute->cut.slices};
    cut_name(device->compute->parent, &plain, cut);
    snprintf(full, sizeof full, "%s MIG %s", device->gpu->board->name, cut);
    return give_text(full, name, size);
}

NVML(nvmlDeviceGetCudaComputeCapability, (DeviceHandle handle, int *major, int *minor), (handle, major, minor)) {
    Device *device;
    CHECK(find_device(handle, &device));
    *major = (int)device->gpu->board->capability_major;
    *minor = (int)device->gpu->board->capability_minor;
    return SUCCESS;
}

NVML(nvmlDeviceGetNumGpuCores, (DeviceHandle handle, unsigned *cores), (handle, cores)) {
    Device *device;
    CHECK(find_device(handle, &device));
    *cores = device->gpu->board->sm_count * device->gpu->board->cores_per_sm;
    return device->gpu->mig ? NOT_SUPPORTED : SUCCESS;
}

NVML(nvmlDeviceGetPciInfo_v3, (DeviceHandle handle, PciInfo *info), (handle, info)) {
    Device *device;
    CHECK(find_device(handle, &device));
    *info = (PciInfo){.bus = device->gpu->index + 1, .device_id = device->gpu->board->device_id};
    snprintf(info->bus_id, sizeof info->bus_id, "%08X:%02X:%02X.0", info->domain, info->bus, info->device);
    return SUCCESS;
}

/* With MIG on, what all instances do together is for those who may see them all. */
static Return may_see(const Device *device) {
    return device->compute == NULL && device->gpu->mig && !host.privileged ? NO_PERMISSION : SUCCESS;
}

static Return measure_memory(DeviceHandle handle, MemoryV2 *memory) {
    Device *device;
    CHECK(find_device(handle, &device));
    CHECK(may_see(device));
    const GpuInstance *instance = device->compute ? device->compute->parent : NULL;
    memory->total = MIB * (instance ? instance->profile->memory_mib : device->gpu->board->memory_mib);
    const Reading *reserved = &meters_of(device)->memory_reserved_bytes;
    memory->reserved = reserved->told ? reserved->value : instance ? 0 : RESERVED_BYTES;
    memory->used = used_bytes(device);
    memory->free = memory->total - memory->reserved - memory->used;
    return SUCCESS;
}

/* Version 1 counts what is reserved as used. */
NVML(nvmlDeviceGetMemoryInfo, (DeviceHandle handle, MemoryV1 *memory), (handle, memory)) {
    MemoryV2 measured;
    CHECK(measure_memory(handle, &measured));
    *memory = (MemoryV1){measured.total, measured.free, measured.reserved + measured.used};
    return SUCCESS;
}

#ifndef OLD_DRIVER
NVML(nvmlDeviceGetMemoryInfo_v2, (DeviceHandle handle, MemoryV2 *memory), (handle, memory)) {
    if (memory->version != VERSION(MemoryV2, 2))
        return ARGUMENT_VERSION_MISMATCH;
    CHECK(measure_memory(handle, memory));
    if (blank("nvmlDeviceGetMemoryInfo_v2"))
        memory->total = memory->reserved = memory->free = memory->used = NOT_AVAILABLE;
    return SUCCESS;
}
#endif

static Return list_processes(DeviceHandle handle, bool mps, unsigned *count, ProcessInfo *found) {
    Device *device;
    CHECK(find_device(handle, &device));
    CHECK(may_see(device));
    unsigned size = *count;
    *count = 0;
    for EACH_PROCESS (it) {
        if (!sees(device, it) || it->mps != mps)
            continue;
        if (*count < size)
            found[*count] = (ProcessInfo){
                .pid = it->pid,
                .used_bytes = it->used_bytes,
                .gpu_instance_id = it->compute ? it->compute->parent->id : NO_INSTANCE,
                .compute_instance_id = it->compute ? it->compute->id : NO_INSTANCE,
            };
        ++*count;
    }
    return *count <= size ? SUCCESS : INSUFFICIENT_SIZE;
}

#define PROCESSES(name, mps)                                                                              \
    NVML(name, (DeviceHandle handle, unsigned *count, ProcessInfo *found), (handle, count, found)) {      \
        return list_processes(handle, mps, count, found);                                                 \
    }
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v2, false)
#ifndef OLD_DRIVER
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3, false)
PROCESSES(nvmlDeviceGetMPSComputeRunningProcesses_v3, true)
#endif

/* --- MIG mode and MIG devices --- */

NVML(nvmlDeviceGetMigMode, (DeviceHandle handle, unsigned *current, unsigned *pending), (handle, current, pending)) {
    Gpu *gpu;
    CHECK(find_gpu(handle, &gpu));
    *current = gpu->mig;
    *pending = gpu->mig_pending;
    return gpu->board->profile_count == 0 ? NOT_SUPPORTED : SUCCESS;
}

NVML(nvmlDeviceSetMigMode, (DeviceHandle handle, unsigned enabled, Return *status), (handle, enabled, status)) {
    Gpu *gpu;
    CHECK(find_gpu(handle, &gpu));
    if (gpu->board->profile_count == 0)
        return NOT_SUPPORTED;
    if (!host.privileged)
        return NO_PERMISSION;
    *status = set_mig_mode(gpu, enabled);
    return SUCCESS;
}

NVML(nvmlDeviceGetMigDeviceHandleByIndex, (DeviceHandle handle, unsigned index, DeviceHandle *device),
     (handle, index, device)) {
    Gpu *gpu;
    CHECK(find_gpu(handle, &gpu));
    if (gpu->board->profile_count == 0)
        return NOT_SUPPORTED;
    if (index >= most_devices(gpu))
        return INVALID_ARGUMENT;
    for EACH (ComputeInstance, it, gpu->computes)
        if (it->index == index)
            return *device = &it->device, SUCCESS;
    return NOT_FOUND;
}

NVML(nvmlDeviceGetAttributes_v2, (DeviceHandle handle, Attributes *attributes), (handle, attributes)) {
    ComputeInstance *compute;
    CHECK(find_mig_device(handle, &compute));
    const Profile *profile = compute->parent->profile;
    *attributes = (Attributes){
        .sm_count = compute_sm_count(compute->parent, compute->cut.slices),
        .copy = profile->copy,
        .decoders = profile->decoders,
        .encoders = profile->encoders,
        .jpeg = profile->jpeg,
        .ofa = profile->ofa,
        .gpu_instance_slices = profile->slices,
        .compute_instance_slices = compute->cut.slices,
        .memory_mib = profile->memory_mib,
    };
    return SUCCESS;
}

/* --- GPU instances --- */

enum { PROFILE_SLOTS = 0x12 };

static Return profile_at(DeviceHandle handle, unsigned slot, Gpu **gpu, const Profile **profile) {
    CHECK(find_gpu(handle, gpu));
    if (slot >= PROFILE_SLOTS)
        return INVALID_ARGUMENT;
    for (unsigned i = 0; i < (*gpu)->board->profile_count; i++)
        if ((*profile = &(*gpu)->board->profiles[i])->slot == slot)
            return SUCCESS;
    return NOT_SUPPORTED;
}

#define PROFILE_FIELDS(p)                                                                                     \
    .id = (p)->id, .slices = (p)->slices, .count = (p)->max_count, .sm_count = (p)->sm_count,                 \
    .copy = (p)->copy, .decoders = (p)->decoders, .encoders = (p)->encoders, .jpeg = (p)->jpeg,               \
    .ofa = (p)->ofa, .memory_mib = (p)->memory_mib

NVML(nvmlDeviceGetGpuInstanceProfileInfo, (DeviceHandle handle, unsigned slot, GpuInstanceProfileV1 *info),
     (handle, slot, info)) {
    Gpu *gpu;
    const Profile *profile;
    CHECK(profile_at(handle, slot, &gpu, &profile));
    *info = (GpuInstanceProfileV1){PROFILE_FIELDS(profile)};
    return SUCCESS;
}

#ifndef OLD_DRIVER
NVML(nvmlDeviceGetGpuInstanceProfileInfoV, (DeviceHandle handle, unsigned slot, GpuInstanceProfileV2 *info),
     (handle, slot, info)) {
    Gpu *gpu;
    const Profile *profile;
    if (info->version != VERSION(GpuInstanceProfileV2, 2))
        return ARGUMENT_VERSION_MISMATCH;
    CHECK(profile_at(handle, slot, &gpu, &profile));
    *info = (GpuInstanceProfileV2){.version = info->version, PROFILE_FIELDS(profile)};
    return give_text(profile->name, info->name, NAME_SIZE);
}
#endif

static Return profile_of(DeviceHandle handle, unsigned id, Gpu **gpu, const Profile **profile) {
    CHECK(find_gpu(handle, gpu));
    return (*profile = profile_with_id(*gpu, id)) == NULL ? NOT_SUPPORTED : SUCCESS;
}

/* What needs MIG to be on. */
static Return cuttable(DeviceHandle handle, unsigned id, Gpu **gpu, const Profile **profile) {
    CHECK(find_gpu(handle, gpu));
    return (*gpu)->mig ? profile_of(handle, id, gpu, profile) : NOT_SUPPORTED;
}

/* Fill an array that holds *count; without an array only say how many there are. */
static Return give_placements(unsigned found, unsigned step, const unsigned *starts, unsigned size, Placement *array,
                              unsigned *count) {
    if (array != NULL && *count < found)
        return INSUFFICIENT_SIZE;
    for (unsigned i = 0; array != NULL && i < found; i++)
        array[i] = (Placement){starts ? starts[i] : i * step, size};
    *count = found;
    return SUCCESS;
}

NVML(nvmlDeviceGetGpuInstancePossiblePlacements_v2,
     (DeviceHandle handle, unsigned id, Placement *array, unsigned *count), (handle, id, array, count)) {
    Gpu *gpu;
    const Profile *profile;
    CHECK(profile_of(handle, id, &gpu, &profile));
    return give_placements(profile->start_count, 0, profile->starts, profile->size, array, count);
}

NVML(nvmlDeviceGetGpuInstanceRemainingCapacity, (DeviceHandle handle, unsigned id, unsigned *count),
     (handle, id, count)) {
    Gpu *gpu;
    const Profile *profile;
    CHECK(cuttable(handle, id, &gpu, &profile));
    *count = gpu_instance_capacity(gpu, profile);
    return SUCCESS;
}

static Return cut_gpu(DeviceHandle handle, unsigned id, const Placement *wanted, GpuInstanceHandle *made) {
    Gpu *gpu;
    const Profile *profile;
    if (!host.privileged)
        return NO_PERMISSION;
    CHECK(cuttable(handle, id, &gpu, &profile));
    return create_gpu_instance(gpu, profile, wanted, made);
}

NVML(nvmlDeviceCreateGpuInstance, (DeviceHandle handle, unsigned id, GpuInstanceHandle *made), (handle, id, made)) {
    return cut_gpu(handle, id, NULL, made);
}

NVML(nvmlDeviceCreateGpuInstanceWithPlacement,
     (DeviceHandle handle, unsigned id, const Placement *wanted, GpuInstanceHandle *made), (handle, id, wanted, made)) {
    return cut_gpu(handle, id, wanted, made);
}

/* The array must have room for all: there is no asking for the number. */
NVML(nvmlDeviceGetGpuInstances, (DeviceHandle handle, unsigned id, GpuInstanceHandle *array, unsigned *count),
     (handle, id, array, count)) {
    Gpu *gpu;
    const Profile *profile;
    CHECK(cuttable(handle, id, &gpu, &profile));
    if (array == NULL || *count < profile->max_count)
        return INSUFFICIENT_SIZE;
    *count = 0;
    for EACH (GpuInstance, it, gpu->instances)
        if (it->profile == profile)
            array[(*count)++] = it;
    return SUCCESS;
}

NVML(nvmlDeviceGetGpuInstanceById, (DeviceHandle handle, unsigned id, GpuInstanceHandle *found), (handle, id, found)) {
    Gpu *gpu;
    CHECK(find_gpu(handle, &gpu));
    if (!gpu->mig)
        return NOT_SUPPORTED;
    *found = gpu_instance_with_id(gpu, id);
    return *found == NULL ? NOT_FOUND : SUCCESS;
}

NVML(nvmlGpuInstanceGetInfo, (GpuInstanceHandle handle, GpuInstanceInfo *info), (handle, info)) {
    GpuInstance *it;
    CHECK(find_gpu_instance(handle, &it));
    *info = (GpuInstanceInfo){&it->gpu->device, it->id, it->profile->id, {it->start, it->profile->size}};
    return SUCCESS;
}

NVML(nvmlGpuInstanceDestroy, (GpuInstanceHandle handle), (handle)) {
    GpuInstance *instance;
    if (!host.privileged)
        return NO_PERMISSION;
    CHECK(find_gpu_instance(handle, &instance));
    return destroy_gpu_instance(instance);
}

/* --- compute instances --- */

static Return cut_at(GpuInstanceHandle handle, unsigned slot, unsigned engines, GpuInstance **instance, Cut *cut) {
    CHECK(find_gpu_instance(handle, instance));
    if (slot >= CUTS || engines != 0)
        return INVALID_ARGUMENT;
    return find_cut(*instance, slot, cut) ? SUCCESS : NOT_SUPPORTED;
}

#define CUT_FIELDS(instance, cut)                                                                             \
    .id = (cut)->id, .slices = (cut)->slices, .count = (cut)->count,                                          \
    .sm_count = compute_sm_count(instance, (cut)->slices), .copy = (instance)->profile->copy,                 \
    .decoders = (instance)->profile->decoders, .encoders = (instance)->profile->encoders,                     \
    .jpeg = (instance)->profile->jpeg, .ofa = (instance)->profile->ofa

NVML(nvmlGpuInstanceGetComputeInstanceProfileInfo,
     (GpuInstanceHandle handle, unsigned slot, unsigned engines, ComputeInstanceProfileV1 *info),
     (handle, slot, engines, info)) {
    GpuInstance *instance;
    Cut cut;
    CHECK(cut_at(handle, slot, engines, &instance, &cut));
    *info = (ComputeInstanceProfileV1){CUT_FIELDS(instance, &cut)};
    return SUCCESS;
}

#ifndef OLD_DRIVER
NVML(nvmlGpuInstanceGetComputeInstanceProfileInfoV,
     (GpuInstanceHandle handle, unsigned slot, unsigned engines, ComputeInstanceProfileV2 *info),
     (handle, slot, engines, info)) {
    GpuInstance *instance;
    Cut cut;
    if (info->version != VERSION(ComputeInstanceProfileV2, 2))
        return ARGUMENT_VERSION_MISMATCH;
    CHECK(cut_at(handle, slot, engines, &instance, &cut));
    *info = (ComputeInstanceProfileV2){.version = info->version, CUT_FIELDS(instance, &cut)};
    cut_name(instance, &cut, info->name);
    return SUCCESS;
}
#endif

NVML(nvmlGpuInstanceGetComputeInstancePossiblePlacements,
     (GpuInstanceHandle handle, unsigned id, Placement *array, unsigned *count), (handle, id, array, count)) {
    GpuInstance *instance;
    Cut cut;
    CHECK(find_gpu_instance(handle, &instance));
    if (!find_cut(instance, id, &cut))
        return NOT_SUPPORTED;
    return give_placements(cut.count, cut.step, NULL, cut.slices, array, count);
}

NVML(nvmlGpuInstanceGetComputeInstanceRemainingCapacity, (GpuInstanceHandle handle, unsigned id, unsigned *count),
     (handle, id, count)) {
    GpuInstance *instance;
    Cut cut;
    CHECK(find_gpu_instance(handle, &instance));
    if (!find_cut(instance, id, &cut))
        return NOT_SUPPORTED;
    *count = compute_capacity(instance, &cut);
    return SUCCESS;
}

static Return cut_instance(GpuInstanceHandle handle, unsigned id, const Placement *wanted,
                           ComputeInstanceHandle *made) {
    GpuInstance *instance;
    Cut cut;
    if (!host.privileged)
        return NO_PERMISSION;
    CHECK(find_gpu_instance(handle, &instance));
    if (!find_cut(instance, id, &cut))
        return NOT_SUPPORTED;
    return create_compute_instance(instance, &cut, wanted, made);
}

NVML(nvmlGpuInstanceCreateComputeInstance, (GpuInstanceHandle handle, unsigned id, ComputeInstanceHandle *made),
     (handle, id, made)) {
    return cut_instance(handle, id, NULL, made);
}

NVML(nvmlGpuInstanceCreateComputeInstanceWithPlacement,
     (GpuInstanceHandle handle, unsigned id, const Placement *wanted, ComputeInstanceHandle *made),
     (handle, id, wanted, made)) {
    return cut_instance(handle, id, wanted, made);
}

NVML(nvmlGpuInstanceGetComputeInstances,
     (GpuInstanceHandle handle, unsigned id, ComputeInstanceHandle *array, unsigned *count),
     (handle, id, array, count)) {
    GpuInstance *instance;
    Cut cut;
    CHECK(find_gpu_instance(handle, &instance));
    if (!find_cut(instance, id, &cut))
        return NOT_SUPPORTED;
    if (array == NULL || *count < cut.count)
        return INSUFFICIENT_SIZE;
    *count = 0;
    for EACH (ComputeInstance, it, instance->gpu->computes)
        if (it->parent == instance && it->cut.id == id)
            array[(*count)++] = it;
    return SUCCESS;
}

NVML(nvmlComputeInstanceGetInfo_v2, (ComputeInstanceHandle handle, ComputeInstanceInfo *info), (handle, info)) {
    ComputeInstance *it;
    CHECK(find_compute_instance(handle, &it));
    *info = (ComputeInstanceInfo){&it->device, it->parent, it->id, it->cut.id, {it->start, it->cut.slices}};
    return SUCCESS;
}

NVML(nvmlComputeInstanceDestroy, (ComputeInstanceHandle handle), (handle)) {
    ComputeInstance *compute;
    if (!host.privileged)
        return NO_PERMISSION;
    CHECK(find_compute_instance(handle, &compute));
    return destroy_compute_instance(compute);
}
