/* What tests do to the host: choose its GPUs, run processes, reset, reboot, break things. Not part of NVML. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"

/* --- failing on demand --- */

typedef struct {
    char function[64];
    Return code; /* SUCCESS: it answers what stands for no value */
    unsigned delay_us;
} Fault;

static struct {
    char function[64];
    unsigned after; /* calls that still succeed */
    Return code;
} planned;
static Fault faults[32];
static unsigned fault_count;

static Fault *fault_of(const char *function) {
    for (unsigned i = 0; i < fault_count; i++)
        if (strcmp(faults[i].function, function) == 0)
            return &faults[i];
    return NULL;
}

Return enter(const char *function) {
    pthread_mutex_lock(&host.lock);
    if (host.initialised == 0 || host.owner != getpid())
        return UNINITIALIZED;
    const Fault *fault = fault_of(function);
    if (fault != NULL && fault->delay_us > 0)
        usleep(fault->delay_us);
    if (fault != NULL && fault->code != SUCCESS)
        return fault->code;
    if (strcmp(planned.function, function) != 0 || planned.after-- > 0)
        return SUCCESS;
    planned.function[0] = '\0';
    return planned.code;
}

bool blank(const char *function) {
    const Fault *fault = fault_of(function);
    return fault != NULL && fault->delay_us == 0;
}

void leave(void) { pthread_mutex_unlock(&host.lock); }

/* Let a function fail once, after so many calls of it that succeed. */
EXPORT void fake_fail(const char *function, unsigned after, Return code) {
    pthread_mutex_lock(&host.lock);
    snprintf(planned.function, sizeof planned.function, "%s", function);
    planned.after = after;
    planned.code = code;
    pthread_mutex_unlock(&host.lock);
}

/* Until fake_heal: let a function fail with a code; with SUCCESS, answer blanks, or take its time. */
EXPORT bool fake_fault(const char *function, Return code, unsigned delay_us) {
    pthread_mutex_lock(&host.lock);
    Fault *fault = fault_of(function);
    if (fault == NULL && fault_count < sizeof faults / sizeof *faults)
        fault = &faults[fault_count++];
    if (fault != NULL) {
        *fault = (Fault){.code = code, .delay_us = delay_us};
        snprintf(fault->function, sizeof fault->function, "%s", function);
    }
    pthread_mutex_unlock(&host.lock);
    return fault != NULL;
}

EXPORT void fake_heal(void) {
    pthread_mutex_lock(&host.lock);
    fault_count = 0;
    planned.function[0] = '\0';
    pthread_mutex_unlock(&host.lock);
}

/* --- the host --- */

static const Board *board_with_key(const char *key) {
    for (unsigned i = 0; i < board_count; i++)
        if (strcmp(boards[i].key, key) == 0)
            return &boards[i];
    return NULL;
}

static void plug_in(const Board *board) {
    unsigned index = host.gpu_count++;
    Gpu *gpu = &host.gpus[index];
    memset(gpu, 0, sizeof *gpu);
    gpu->board = board;
    gpu->index = index;
    gpu->architecture = board->architecture;
    gpu->device.gpu = gpu;
    snprintf(gpu->uuid, sizeof gpu->uuid, "GPU-%08x-0000-5000-8000-000000000000", index);
}

/* A new host with these boards (keys between commas), driver loaded, test privileged. False for an unknown key. */
EXPORT bool fake_start(const char *keys) {
    char list[256], *rest = list;
    snprintf(list, sizeof list, "%s", keys);
    memset(host.processes, 0, sizeof host.processes);
    host.gpu_count = host.initialised = 0;
    host.driver_loaded = host.privileged = true;
    fake_heal();
    for (char *key; (key = strsep(&rest, ",")) != NULL;) {
        const Board *board = board_with_key(key);
        if (board == NULL)
            return false;
        plug_in(board);
    }
    return true;
}

EXPORT void fake_unload_driver(void) { host.driver_loaded = false; }

EXPORT void fake_set_privileged(bool privileged) { host.privileged = privileged; }

EXPORT void fake_lose(unsigned index) { host.gpus[index].lost = true; }

/* A pending mode becomes the mode; what was cut is gone. */
EXPORT void fake_reset(unsigned index) {
    Gpu *gpu = &host.gpus[index];
    clear_gpu(gpu);
    gpu->lost = false;
    gpu->mig = gpu->mig_pending;
    tell_of_change(gpu);
}

/* The mode of boards that change it at once is lost. */
EXPORT void fake_reboot(void) {
    for EACH_GPU (gpu) {
        gpu->mig_pending = gpu->mig_pending && !gpu->board->resetless;
        fake_reset(gpu->index);
    }
}

/* --- processes --- */

static bool put_on(Process *process, const char *uuid) {
    for EACH_GPU (gpu) {
        process->gpu = gpu;
        process->compute = NULL;
        if (strcmp(gpu->uuid, uuid) == 0)
            return true;
        for EACH (ComputeInstance, it, gpu->computes) {
            process->compute = it;
            if (strcmp(it->uuid, uuid) == 0)
                return true;
        }
    }
    return false;
}

EXPORT bool fake_add_process(unsigned pid, const char *name, const char *uuid, unsigned long long used_bytes,
                             bool mps) {
    for EACH_PROCESS (it)
        if (it->pid == 0) {
            *it = (Process){.used_bytes = used_bytes, .mps = mps};
            snprintf(it->name, sizeof it->name, "%s", name);
            it->pid = put_on(it, uuid) ? pid : 0;
            return it->pid != 0;
        }
    return false;
}

EXPORT void fake_end_process(unsigned pid) {
    for EACH_PROCESS (it)
        if (it->pid == pid)
            it->pid = 0;
}

/* --- meters --- */

#define METER_NAME(name) {#name, offsetof(Meters, name)},
static const struct {
    const char *name;
    size_t offset;
} meter_names[] = {EACH_METER(METER_NAME)};

/* A reading of a GPU (instance NO_INSTANCE) or GPU instance from now on. False for an unknown name. */
EXPORT bool fake_set_meter(unsigned index, unsigned instance_id, const char *name, bool told,
                           unsigned long long value) {
    bool known = false;
    pthread_mutex_lock(&host.lock);
    Meters *meters = &host.gpus[index].meters[instance_id == NO_INSTANCE ? WHOLE : instance_id];
    for (unsigned i = 0; i < sizeof meter_names / sizeof *meter_names; i++)
        if (strcmp(meter_names[i].name, name) == 0) {
            *(Reading *)((char *)meters + meter_names[i].offset) = (Reading){told, value};
            known = true;
        }
    pthread_mutex_unlock(&host.lock);
    return known;
}

EXPORT void fake_set_architecture(unsigned index, unsigned number) { host.gpus[index].architecture = number; }

/* The answer to a field from now on; the value as the bits of the union. */
EXPORT void fake_set_field(unsigned index, unsigned field_id, unsigned type, unsigned long long bits, Return code) {
    Gpu *gpu = &host.gpus[index];
    gpu->fields[gpu->field_count++] = (FieldValue){.field_id = field_id, .type = type, .code = code, .value.ull = bits};
}

/* The answer to a GPM metric of a GPU (instance NO_INSTANCE) or GPU instance from now on. */
EXPORT void fake_set_gpm(unsigned index, unsigned instance_id, unsigned metric_id, double value, Return code) {
    pthread_mutex_lock(&host.lock);
    unsigned slot = instance_id == NO_INSTANCE ? WHOLE : instance_id;
    host.gpus[index].gpm[slot][metric_id] = (GpmReading){true, code, value};
    pthread_mutex_unlock(&host.lock);
}

/* --- events --- */

EXPORT void fake_report_xid(unsigned index, unsigned long long xid, unsigned gpu_instance_id,
                            unsigned compute_instance_id) {
    pthread_mutex_lock(&host.lock);
    tell_of_xid(&host.gpus[index], xid, gpu_instance_id, compute_instance_id);
    pthread_mutex_unlock(&host.lock);
}

/* --- what the library still holds for its user --- */

EXPORT unsigned fake_held_samples(void) {
    unsigned count = 0;
    for EACH (GpmSample, it, host.samples)
        count++;
    return count;
}

EXPORT unsigned fake_held_event_sets(void) {
    unsigned count = 0;
    for EACH (EventSet, it, host.event_sets)
        count++;
    return count;
}
