/* Turns of the sampler at which there is nothing to do but expose films: a hundred times a second, beside the payload
   that is measured, they are taken here without Python, which would take most of the time.

   Whatever is out of the ordinary ends it, and is left to Python. */

#include "shutter.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define PUBLIC __attribute__((visibility("default")))

/* Of Call and of what is in migperf/native/compiled.py, in the same order: compared there before
   anything is called. */
PUBLIC const uint64_t structure_sizes[] = {
    sizeof(Call), sizeof(Moments), sizeof(Sampling), sizeof(Mechanism), sizeof(Film), sizeof(Grid), sizeof(Turns),
    sizeof(Shutter),
};

enum { NS_PER_S = 1000000000 };
/* Two samples of GPM must be further apart than this (nvml.h on nvmlGpmMetricsGet). */
static const int64_t shortest_window_ns = 100000000;
/* nvmlGpmMetricsGet_t has the addresses of its two samples after two numbers of 32 bits. */
enum { FIRST_SAMPLE = 1, SECOND_SAMPLE = 2 };

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(int64_t time_ns) {
    struct timespec until = {.tv_sec = time_ns / NS_PER_S, .tv_nsec = time_ns % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

/* Rings: what was written is seen by whoever has seen that it was written, and so is what was let go. */

PUBLIC int64_t ring_written(const Ring *ring) { return __atomic_load_n(&ring->written, __ATOMIC_ACQUIRE); }

PUBLIC void ring_let_go(Ring *ring, int64_t count) {
    __atomic_store_n(&ring->read, ring->read + count, __ATOMIC_RELEASE);
}

static void ring_advance(Ring *ring) { __atomic_store_n(&ring->written, ring->written + 1, __ATOMIC_RELEASE); }

static bool ring_full(const Ring *ring) {
    return ring->written - __atomic_load_n(&ring->read, __ATOMIC_ACQUIRE) == ring->room;
}

static bool is_set(const int32_t *flag) { return __atomic_load_n(flag, __ATOMIC_RELAXED) != 0; }

/* Exposing one frame */

static bool all_succeed(const Call *calls, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const Call *call = &calls[i];
        if (call->make(call->given[0], call->given[1], call->given[2]) != 0)
            return false;
    }
    return true;
}

/* Return the number of the latest moment that is more than 100 ms old, having let go of those before it; -1: none. */
static int64_t earlier_moment(Moments *moments) {
    int64_t last_ns = now_ns() - shortest_window_ns;
    while (moments->end - moments->first > 1 && moments->complete_ns[(moments->first + 1) % moments->room] < last_ns)
        moments->first++;
    bool any = moments->end > moments->first && moments->complete_ns[moments->first % moments->room] < last_ns;
    return any ? moments->first : -1;
}

/* Take a sample of each subject, and tell the calls of a frame what their averages lie between. */
static bool sample(const Sampling *sampling, const Call *calls, int64_t count) {
    Moments *moments = sampling->moments;
    int64_t earlier = earlier_moment(moments);
    if (earlier < 0)
        return false;
    /* Without room, the latest is taken again: no average begins at it yet. */
    int64_t later = moments->end - moments->first == moments->room ? moments->end - 1 : moments->end;
    const uint64_t *first = sampling->addresses + earlier % moments->room * count;
    const uint64_t *second = sampling->addresses + later % moments->room * count;
    moments->end = later;
    if (!all_succeed(sampling->takes + later % moments->room * count, count))
        return false;
    /* Timed after all were taken, so that what counts as more than 100 ms old certainly is. */
    moments->complete_ns[later % moments->room] = now_ns();
    moments->end = later + 1;
    for (int64_t i = 0; i < count; i++) {
        uint64_t *request = (uint64_t *)calls[i].given[0];
        request[FIRST_SAMPLE] = first[i];
        request[SECOND_SAMPLE] = second[i];
    }
    return true;
}

PUBLIC int expose(const Mechanism *mechanism, int64_t frame) {
    const Call *calls = mechanism->calls + frame * mechanism->calls_of_frame;
    if (mechanism->over || !is_set(mechanism->usable))
        return false;
    if (mechanism->sampling != NULL && !sample(mechanism->sampling, calls, mechanism->calls_of_frame))
        return false;
    return all_succeed(calls, mechanism->calls_of_frame);
}

/* Turns */

static int64_t next_due(const Shutter *shutter) {
    int64_t due_ns = INT64_MAX;
    for (int64_t i = 0; i < shutter->grid_count; i++)
        if (shutter->grids[i].due_ns < due_ns)
            due_ns = shutter->grids[i].due_ns;
    return due_ns;
}

static bool is_due(const Grid *grid, int64_t began_ns, const Shutter *shutter) {
    return grid->due_ns <= began_ns + shutter->slack_ns;
}

/* When the turn that began now was due; one that is late by more than a turn counts from now. */
static int64_t scheduled(const Shutter *shutter, int64_t first_ns, int64_t began_ns) {
    bool late = began_ns - first_ns >= shutter->turn_ns;
    int64_t scheduled_ns = INT64_MIN;
    for (int64_t i = 0; i < shutter->grid_count; i++) {
        const Grid *grid = &shutter->grids[i];
        if (!is_due(grid, began_ns, shutter))
            continue;
        int64_t due_ns = late && began_ns - grid->due_ns >= grid->period_ns ? began_ns : grid->due_ns;
        if (due_ns > scheduled_ns)
            scheduled_ns = due_ns;
    }
    return scheduled_ns;
}

/* Whether nothing stands in the way of a turn: whatever does is for Python to see to. */
static bool can_serve(const Shutter *shutter, int64_t scheduled_ns) {
    if (ring_full(&shutter->turns->ring))
        return false;
    for (int64_t i = 0; i < shutter->film_count; i++) {
        const Film *film = shutter->films[i];
        if (film->due_ns <= scheduled_ns && (is_set(&film->over) || ring_full(&film->ring)))
            return false;
    }
    return true;
}

/* Expose a film; false if something has to be seen to. */
static bool expose_film(Film *film, int64_t scheduled_ns, const Shutter *shutter) {
    int64_t frame = film->ring.written % film->ring.room;
    film->began_ns = now_ns();
    film->due_ns = scheduled_ns + film->period_ns;
    if (!expose(film->mechanism, frame)) {
        film->outcome = FAILED;
        return false;
    }
    film->took_ns = now_ns() - film->began_ns;
    if (film->took_ns > shutter->late_ns && film->took_ns > shutter->turn_ns) {
        film->outcome = LATE;
        return false;
    }
    film->time_ns[frame] = film->began_ns;
    ring_advance(&film->ring);
    film->outcome = ring_full(&film->ring) ? FULL : AS_USUAL;
    return film->outcome == AS_USUAL;
}

static void note(Shutter *shutter, int64_t began_ns, int64_t late_ns, int64_t took_ns) {
    Turns *turns = shutter->turns;
    int64_t at = turns->ring.written % turns->ring.room;
    turns->began_ns[at] = began_ns;
    turns->late_ns[at] = late_ns;
    turns->took_ns[at] = took_ns;
    ring_advance(&turns->ring);
    shutter->count++;
    shutter->total_took_ns += took_ns;
    shutter->total_late_ns += late_ns;
}

static void set_next(Shutter *shutter, int64_t began_ns, int64_t after_ns) {
    for (int64_t i = 0; i < shutter->grid_count; i++) {
        Grid *grid = &shutter->grids[i];
        if (is_due(grid, began_ns, shutter))
            grid->due_ns =
                shutter->origin_ns + grid->period_ns * ((after_ns - shutter->origin_ns) / grid->period_ns + 1);
    }
}

PUBLIC void take_turns(Shutter *shutter) {
    bool as_usual = true;
    while (as_usual) {
        int64_t first_ns = next_due(shutter);
        if (first_ns + shutter->slack_ns >= shutter->until_ns)
            return;
        sleep_until(first_ns);
        int64_t began_ns = now_ns();
        int64_t scheduled_ns = scheduled(shutter, first_ns, began_ns);
        if (is_set(shutter->rung) || began_ns + shutter->slack_ns >= shutter->until_ns ||
            !can_serve(shutter, scheduled_ns))
            return;
        for (int64_t i = 0; i < shutter->film_count; i++)
            if (shutter->films[i]->due_ns <= scheduled_ns)
                as_usual &= expose_film(shutter->films[i], scheduled_ns, shutter);
        int64_t end_ns = now_ns();
        note(shutter, began_ns, began_ns - first_ns, end_ns - began_ns);
        set_next(shutter, began_ns, end_ns + shutter->slack_ns);
    }
}
