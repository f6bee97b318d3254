/* NVML's GPM functions. A driver of R470 has none. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "calls.h"

#ifndef OLD_DRIVER
static const long long GPM_INTERVAL_NS = 100 * 1000000LL;

NVML(nvmlGpmQueryDeviceSupport, (DeviceHandle handle, GpmSupport *support), (handle, support)) {
    Device *device;
    CHECK(find_device(handle, &device));
    if (support->version != 1)
        return ARGUMENT_VERSION_MISMATCH;
    support->supported = device->gpu->board->has_gpm;
    return SUCCESS;
}

NVML(nvmlGpmSampleAlloc, (GpmSampleHandle *made), (made)) {
    GpmSample *sample = calloc(1, sizeof *sample);
    sample->next = host.samples;
    host.samples = *made = sample;
    return SUCCESS;
}

NVML(nvmlGpmSampleFree, (GpmSampleHandle sample), (sample)) {
    UNLINK(host.samples, sample);
    free(sample);
    return SUCCESS;
}

static Return sample(DeviceHandle handle, unsigned gpu_instance_id, GpmSampleHandle sample) {
    Gpu *gpu;
    struct timespec now;
    CHECK(find_gpu(handle, &gpu));
    if (!gpu->board->has_gpm)
        return NOT_SUPPORTED;
    clock_gettime(CLOCK_MONOTONIC, &now);
    sample->gpu = gpu;
    sample->gpu_instance_id = gpu_instance_id;
    sample->time_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
    return SUCCESS;
}

NVML(nvmlGpmSampleGet, (DeviceHandle handle, GpmSampleHandle into), (handle, into)) {
    return sample(handle, NO_INSTANCE, into);
}

/* A GPU instance without a compute instance does nothing that could be counted. */
NVML(nvmlGpmMigSampleGet, (DeviceHandle handle, unsigned gpu_instance_id, GpmSampleHandle into),
     (handle, gpu_instance_id, into)) {
    Gpu *gpu;
    CHECK(find_gpu(handle, &gpu));
    if (gpu_instance_with_id(gpu, gpu_instance_id) == NULL)
        return NOT_FOUND;
    for EACH (ComputeInstance, it, gpu->computes)
        if (it->parent->id == gpu_instance_id)
            return sample(handle, gpu_instance_id, into);
    return NO_DATA;
}

static void answer_metric(const GpmSample *earlier, const GpmSample *later, GpmMetric *metric) {
    unsigned id = metric->metric_id, slot = later->gpu_instance_id == NO_INSTANCE ? WHOLE : later->gpu_instance_id;
    GpmReading read = id < GPM_MOST ? later->gpu->gpm[slot][id] : (GpmReading){0};
    if (id == GPM_FROM || id == GPM_TO)
        read = (GpmReading){true, SUCCESS, (id == GPM_FROM ? earlier : later)->time_ns / 1e9};
    metric->code = read.set ? read.code : NOT_SUPPORTED;
    if (read.set)
        metric->value = blank("nvmlGpmMetricsGet") ? NAN : read.value;
}

NVML(nvmlGpmMetricsGet, (GpmRequest *request), (request)) {
    const GpmSample *earlier = request->earlier, *later = request->later;
    if (request->version != 1)
        return ARGUMENT_VERSION_MISMATCH;
    if (earlier->gpu == NULL || earlier->gpu != later->gpu || earlier->gpu_instance_id != later->gpu_instance_id)
        return INVALID_ARGUMENT;
    for (unsigned i = 0; i < request->metric_count; i++)
        if (later->time_ns - earlier->time_ns <= GPM_INTERVAL_NS)
            request->metrics[i].code = INVALID_ARGUMENT;
        else
            answer_metric(earlier, later, &request->metrics[i]);
    return SUCCESS;
}
#endif
