/* What of CUDA's driver API migperf calls, for tests: a device of SMS multiprocessors that are granted in groups of
 * GRAIN, as the reference describes it. OLD: a driver without green contexts. A "stream" is the number of the first
 * multiprocessor of its context, plus one. */
#include <stddef.h>
#include <string.h>

typedef struct { int type; unsigned char padding[92]; unsigned sm_count; unsigned first; unsigned char rest[40]; } Resource;
_Static_assert(sizeof(Resource) == 144, "as cuda.h has it");

int cuDeviceGet(int *device, int ordinal) { *device = 7; return ordinal == 0 ? 0 : 101; }

int cuGetErrorName(int status, const char **name) {
    *name = status == 1 ? "CUDA_ERROR_INVALID_VALUE" : "CUDA_ERROR_OF_THE_TESTS";
    return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    if (MPS < 0 || attribute != 133 || device != 7) return 1;
    *value = MPS;
    return 0;
}

#ifndef OLD
enum { MOST = 1 << 16 };
static unsigned contexts[MOST], described, context_count;

int cuDeviceGetDevResource(int device, Resource *resource, int type) {
    if (device != 7 || type != 1) return 1;
    memset(resource, 0, sizeof *resource);
    resource->type = type;
    resource->sm_count = SMS;
    return 0;
}

int cuDevSmResourceSplitByCount(Resource *result, unsigned *groups, const Resource *input, Resource *remaining,
                                unsigned flags, unsigned least) {
    unsigned size = (least + GRAIN - 1) / GRAIN * GRAIN, possible = input->sm_count / size;
    if (flags != 0 || least == 0) return 1;
    if (result == NULL) { *groups = possible; return 0; }
    if (*groups > possible) *groups = possible;
    for (unsigned i = 0; i < *groups; i++) {
        result[i] = *input;
        result[i].sm_count = size;
        result[i].first = i * size;
    }
    if (remaining != NULL) { *remaining = *input; remaining->sm_count = input->sm_count - *groups * size; }
    return 0;
}

int cuDevResourceGenerateDesc(void **description, Resource *resources, unsigned count) {
    if (count != 1) return 1;
    described = resources->first + 1;
    *description = &described;
    return 0;
}

int cuGreenCtxCreate(void **context, void *description, int device, unsigned flags) {
    if (device != 7 || flags != 1 || context_count == MOST) return 1;
    contexts[context_count] = *(unsigned *)description;
    *context = &contexts[context_count++];
    return 0;
}

int cuGreenCtxStreamCreate(void **stream, void *context, unsigned flags, int priority) {
    if (flags != 1 || priority != 0) return 1;
    *stream = (void *)(size_t)*(unsigned *)context;
    return 0;
}
#endif
