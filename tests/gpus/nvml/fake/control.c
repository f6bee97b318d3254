/* What tests do to the host: choose its GPUs, run processes, reset, reboot, break things. Not part of NVML. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "calls.h"

/* --- failing on demand --- */

static struct {
    char function[64];
    unsigned after; /* calls that still succeed */
    Return code;
} planned;

Return enter(const char *function) {
    pthread_mutex_lock(&host.lock);
    if (host.initialised == 0 || host.owner != getpid())
        return UNINITIALIZED;
    if (strcmp(planned.function, function) != 0 || planned.after-- > 0)
        return SUCCESS;
    planned.function[0] = '\0';
    return planned.code;
}

void leave(void) { pthread_mutex_unlock(&host.lock); }

/* Let a function fail once, after so many calls of it that succeed. */
EXPORT void fake_fail(const char *function, unsigned after, Return code) {
    snprintf(planned.function, sizeof planned.function, "%s", function);
    planned.after = after;
    planned.code = code;
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
    *gpu = (Gpu){.board = board, .index = index, .architecture = board->architecture, .device = {.gpu = gpu}};
    snprintf(gpu->uuid, sizeof gpu->uuid, "GPU-%08x-0000-5000-8000-000000000000", index);
}

/* A new host with these boards (keys between commas), driver loaded, test privileged. False for an unknown key. */
EXPORT bool fake_start(const char *keys) {
    char list[256], *rest = list;
    snprintf(list, sizeof list, "%s", keys);
    memset(host.processes, 0, sizeof host.processes);
    host.gpu_count = host.initialised = 0;
    host.driver_loaded = host.privileged = true;
    planned.function[0] = '\0';
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

EXPORT void fake_set_meters(unsigned index, unsigned power_mw, unsigned long long energy_mj, unsigned utilization_pct) {
    host.gpus[index].power_mw = power_mw;
    host.gpus[index].energy_mj = energy_mj;
    host.gpus[index].utilization_pct = utilization_pct;
}

EXPORT void fake_set_architecture(unsigned index, unsigned number) { host.gpus[index].architecture = number; }

/* The answer to a field from now on; the value as the bits of the union. */
EXPORT void fake_set_field(unsigned index, unsigned field_id, unsigned type, unsigned long long bits, Return code) {
    Gpu *gpu = &host.gpus[index];
    gpu->fields[gpu->field_count++] = (FieldValue){.field_id = field_id, .type = type, .code = code, .value.ull = bits};
}

/* The answer to a GPM metric from now on. */
EXPORT void fake_set_gpm(unsigned index, unsigned metric_id, double value, Return code) {
    Gpu *gpu = &host.gpus[index];
    gpu->gpm[gpu->gpm_count++] = (GpmMetric){.metric_id = metric_id, .code = code, .value = value};
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
