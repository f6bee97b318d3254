/* NVML's functions that read meters. What concerns the board is told of GPUs, not of MIG devices; power of both. */
#include <string.h>

#include "calls.h"

static bool averages_power(const Board *board) {
    return board->capability_major > 8 || (board->capability_major == 8 && board->capability_minor > 0);
}

static const Reading *power_usage(const Gpu *gpu) {
    const Meters *meters = &gpu->meters[WHOLE];
    return averages_power(gpu->board) ? &meters->power_average_mw : &meters->power_instant_mw;
}

/* Calls with one number for an answer, from a reading. */
#define NUMBER(name, type, parameters, arguments, reading)     \
    NVML(name, parameters, arguments) {                        \
        Device *it;                                            \
        CHECK(find_device(handle, &it));                       \
        const Reading *read = reading;                         \
        if (read == NULL || !read->told)                       \
            return NOT_SUPPORTED;                              \
        *answer = blank(#name) ? (type)~0ULL : (type)read->value; \
        return SUCCESS;                                        \
    }
#define PLAIN(name, type, reading) NUMBER(name, type, (DeviceHandle handle, type *answer), (handle, answer), reading)
#define OF_BOARD(member) (it->compute ? NULL : &it->gpu->meters[WHOLE].member)

PLAIN(nvmlDeviceGetPowerUsage, unsigned, power_usage(it->gpu))
PLAIN(nvmlDeviceGetEnforcedPowerLimit, unsigned, OF_BOARD(power_limit_mw))
PLAIN(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, OF_BOARD(energy_mj))
PLAIN(nvmlDeviceGetCurrentClocksThrottleReasons, unsigned long long, OF_BOARD(clocks_event_reasons))
#ifndef OLD_DRIVER
PLAIN(nvmlDeviceGetCurrentClocksEventReasons, unsigned long long, OF_BOARD(clocks_event_reasons))
#endif

static const Reading *clock_reading(const Device *it, unsigned clock) {
    const Meters *meters = &it->gpu->meters[WHOLE];
    const Reading *clocks[] = {&meters->clock_graphics_mhz, &meters->clock_sm_mhz, &meters->clock_memory_mhz};
    return it->compute || clock > CLOCK_MEMORY ? NULL : clocks[clock];
}

NUMBER(nvmlDeviceGetClockInfo, unsigned, (DeviceHandle handle, unsigned clock, unsigned *answer),
       (handle, clock, answer), clock_reading(it, clock))

NUMBER(nvmlDeviceGetTemperature, unsigned, (DeviceHandle handle, unsigned sensor, unsigned *answer),
       (handle, sensor, answer), sensor == SENSOR_GPU ? OF_BOARD(temperature_c) : NULL)

#ifndef OLD_DRIVER
NVML(nvmlDeviceGetTemperatureV, (DeviceHandle handle, Temperature *answer), (handle, answer)) {
    Device *it;
    CHECK(find_device(handle, &it));
    if (answer->version != VERSION(Temperature, 1))
        return ARGUMENT_VERSION_MISMATCH;
    const Reading *read = OF_BOARD(temperature_c);
    if (answer->sensor != SENSOR_GPU || read == NULL || !read->told)
        return NOT_SUPPORTED;
    answer->temperature = blank("nvmlDeviceGetTemperatureV") ? -1 : (int)read->value;
    return SUCCESS;
}
#endif

/* With MIG on, the instance's through a MIG device, the board's through the GPU. */
static const Reading *ecc_reading(const Device *it, unsigned type, unsigned counter) {
    const Meters *meters = meters_of(it);
    if (counter != ECC_VOLATILE)
        return NULL;
    return type == ECC_CORRECTED ? &meters->ecc_corrected : &meters->ecc_uncorrected;
}

NUMBER(nvmlDeviceGetTotalEccErrors, unsigned long long,
       (DeviceHandle handle, unsigned type, unsigned counter, unsigned long long *answer),
       (handle, type, counter, answer), ecc_reading(it, type, counter))

NVML(nvmlDeviceGetUtilizationRates, (DeviceHandle handle, Utilization *rates), (handle, rates)) {
    Device *it;
    CHECK(find_device(handle, &it));
    const Meters *meters = &it->gpu->meters[WHOLE];
    if (it->gpu->mig || !meters->utilization_gpu_pct.told)
        return NOT_SUPPORTED;
    *rates = (Utilization){meters->utilization_gpu_pct.value, meters->utilization_memory_pct.value};
    if (blank("nvmlDeviceGetUtilizationRates"))
        memset(rates, 0xFF, sizeof *rates);
    return SUCCESS;
}

/* --- fields --- */

/* Let a field answer a reading with a type, if it is told. */
static void answer_reading(FieldValue *field, const Reading *read, unsigned type) {
    field->type = type;
    field->code = read->told ? SUCCESS : NOT_SUPPORTED;
    if (type == TYPE_UINT)
        field->value.u = (unsigned)read->value;
    else
        field->value.ull = read->value;
}

static void answer_field(const Gpu *gpu, FieldValue *field) {
    const Meters *meters = &gpu->meters[WHOLE];
    Reading resetless = {gpu->board->profile_count > 0, gpu->board->resetless};
    Reading average = {meters->power_average_mw.told && averages_power(gpu->board), meters->power_average_mw.value};
    switch (field->field_id) {
    case FIELD_THROTTLED_POWER: answer_reading(field, &meters->throttled_power_ns, TYPE_ULONG_LONG); break;
    case FIELD_THROTTLED_THERMAL: answer_reading(field, &meters->throttled_thermal_ns, TYPE_ULONG_LONG); break;
    case FIELD_MEMORY_TEMPERATURE: answer_reading(field, &meters->memory_temperature_c, TYPE_UINT); break;
    case FIELD_ENERGY: answer_reading(field, &meters->energy_mj, TYPE_ULONG_LONG); break;
    case FIELD_PCIE_REPLAYS: answer_reading(field, &meters->pcie_replays, TYPE_UINT); break;
    case FIELD_RESETLESS: answer_reading(field, &resetless, TYPE_UINT); break;
    case FIELD_POWER_AVERAGE: answer_reading(field, &average, TYPE_UINT); break;
    case FIELD_POWER_INSTANT: answer_reading(field, &meters->power_instant_mw, TYPE_UINT); break;
    case FIELD_PCIE_SENT: answer_reading(field, &meters->pcie_sent_bytes, TYPE_ULONG_LONG); break;
    case FIELD_PCIE_RECEIVED: answer_reading(field, &meters->pcie_received_bytes, TYPE_ULONG_LONG); break;
    default: field->code = NOT_SUPPORTED;
    }
}

static bool told_of_mig_devices(unsigned field_id) {
    return field_id == FIELD_RESETLESS || field_id == FIELD_POWER_AVERAGE || field_id == FIELD_POWER_INSTANT;
}

/* What a test has put in comes first. */
static void answer(const Device *device, FieldValue *field) {
    const Gpu *gpu = device->gpu;
    for (unsigned i = 0; i < gpu->field_count; i++)
        if (gpu->fields[i].field_id == field->field_id) {
            *field = gpu->fields[i];
            return;
        }
    answer_field(gpu, field);
    if (device->compute && !told_of_mig_devices(field->field_id))
        field->code = NOT_SUPPORTED;
    if (blank("nvmlDeviceGetFieldValues"))
        memset(&field->value, 0xFF, sizeof field->value);
}

NVML(nvmlDeviceGetFieldValues, (DeviceHandle handle, int count, FieldValue *fields), (handle, count, fields)) {
    Device *device;
    CHECK(find_device(handle, &device));
    for (int i = 0; i < count; i++)
        answer(device, &fields[i]);
    return SUCCESS;
}
