/* The readings of GPUs and GPU instances: each is told or not. Tests set them by name. */
#ifndef METERS_H
#define METERS_H

#include <stdbool.h>

#define EACH_METER(M)                                                                                       \
    M(power_average_mw) M(power_instant_mw) M(power_limit_mw) M(energy_mj)                                  \
    M(clock_graphics_mhz) M(clock_sm_mhz) M(clock_memory_mhz) M(clocks_event_reasons)                       \
    M(temperature_c) M(memory_temperature_c) M(utilization_gpu_pct) M(utilization_memory_pct)               \
    M(throttled_power_ns) M(throttled_thermal_ns)                                                           \
    M(pcie_replays) M(pcie_sent_bytes) M(pcie_received_bytes) M(ecc_corrected) M(ecc_uncorrected)           \
    M(memory_used_bytes) M(memory_reserved_bytes)

typedef struct {
    bool told; /* else NOT_SUPPORTED */
    unsigned long long value;
} Reading;

#define METER_MEMBER(name) Reading name;
typedef struct {
    EACH_METER(METER_MEMBER)
} Meters;

#endif
