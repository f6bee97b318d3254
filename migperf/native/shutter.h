/* What the sampler and the driver's reels share with the part that needs no Python. migperf/native/shutter.py has the
   same structures. All times are CLOCK_MONOTONIC in ns. */

#ifndef MIGPERF_SHUTTER_H
#define MIGPERF_SHUTTER_H

#include <stdint.h>

/* A function of the driver's that returns 0 where it succeeds. Its arguments are integers and pointers, which the
   calling conventions of Linux on x86-64 and AArch64 pass alike in whole registers, needed or not. */
typedef int (*Function)(intptr_t, intptr_t, intptr_t);

typedef struct {
    Function make;
    intptr_t given[3];
} Call;

/* A ring that one thread writes to and another reads from: numbers of entries, counted from the beginning. */
typedef struct {
    int64_t room;
    int64_t written;
    int64_t read;
} Ring;

/* Moments at which samples were taken that averages lie between; those from first to end are kept. */
typedef struct {
    int64_t room;
    int64_t first;
    int64_t end;
    int64_t *complete_ns; /* (room) */
} Moments;

/* What a moment's samples are taken by, and where they are, for as many subjects as a frame has calls. */
typedef struct {
    Moments *moments;
    Call *takes;         /* (room, calls of a frame) */
    uint64_t *addresses; /* (room, calls of a frame) */
} Sampling;

/* How a reel exposes a frame: by calls into memory of that frame. */
typedef struct {
    Call *calls; /* (frames, calls of a frame) */
    int64_t calls_of_frame;
    Sampling *sampling;    /* NULL but for GPM, whose calls are told two samples */
    const int32_t *usable; /* whether the driver may be called */
    int32_t over;          /* whether the reel is good for nothing any more */
} Mechanism;

typedef enum { AS_USUAL, FULL, FAILED, LATE } Outcome;

typedef struct {
    Mechanism *mechanism;
    Ring ring; /* of frames */
    int64_t *time_ns;
    int64_t due_ns;
    int64_t period_ns;
    int64_t began_ns; /* the last exposure */
    int64_t took_ns;
    int32_t outcome;
    int32_t over; /* whether somebody has found that the source has to be looked at as it is read */
} Film;

typedef struct {
    int64_t due_ns;
    int64_t period_ns;
} Grid;

typedef struct {
    Ring ring;
    int64_t *began_ns;
    int64_t *late_ns;
    int64_t *took_ns;
} Turns;

typedef struct {
    Film **films;
    int64_t film_count;
    Grid *grids; /* of the runs that watch */
    int64_t grid_count;
    Turns *turns;
    const int32_t *rung;
    int64_t origin_ns; /* of all grids */
    int64_t turn_ns;   /* the shortest period */
    int64_t slack_ns;  /* turns that are due so soon after another are served with it */
    int64_t late_ns;   /* an exposure that takes longer than this, and than a turn, is of no known time */
    int64_t until_ns;  /* when somebody else is due */
    int64_t count;     /* what was done: turns, and how long they took and how late they began together */
    int64_t total_took_ns;
    int64_t total_late_ns;
} Shutter;

#endif
