/* NVML's functions on event sets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "calls.h"

NVML(nvmlEventSetCreate, (EventSetHandle *made), (made)) {
    EventSet *set = calloc(1, sizeof *set);
    set->next = host.event_sets;
    host.event_sets = *made = set;
    return SUCCESS;
}

NVML(nvmlDeviceRegisterEvents, (DeviceHandle handle, unsigned long long types, EventSetHandle set),
     (handle, types, set)) {
    Device *device;
    CHECK(find_device(handle, &device));
    bool changes = device->compute == NULL && device->gpu->board->profile_count > 0;
    if (types == 0 || types & ~(unsigned long long)(XID_CRITICAL_ERROR | (changes ? MIG_CONFIG_CHANGE : 0)))
        return NOT_SUPPORTED;
    set->watched[set->watched_count++] = (Watched){device, types};
    return SUCCESS;
}

NVML(nvmlEventSetWait_v2, (EventSetHandle set, EventData *data, unsigned timeout_ms), (set, data, timeout_ms)) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    long long ns = until.tv_nsec + timeout_ms % 1000 * 1000000LL;
    until.tv_sec += timeout_ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    while (set->waiting == 0)
        if (timeout_ms == 0 || pthread_cond_timedwait(&host.changed, &host.lock, &until) == ETIMEDOUT)
            return TIMEOUT;
    *data = set->events[0];
    memmove(set->events, set->events + 1, --set->waiting * sizeof *set->events);
    return SUCCESS;
}

NVML(nvmlEventSetFree, (EventSetHandle set), (set)) {
    UNLINK(host.event_sets, set);
    free(set);
    return SUCCESS;
}
