/* How an NVML function is written here: what stands in its body happens under the lock, in a process that has
 * initialised NVML, and unless a test wants this call to fail. */
#ifndef CALLS_H
#define CALLS_H

#include "model.h"

#define EXPORT __attribute__((visibility("default")))

Return enter(const char *function);
void leave(void);
bool blank(const char *function); /* is it to answer what stands for no value? */

#define NVML(name, parameters, arguments)   \
    static Return body_##name parameters;   \
    EXPORT Return name parameters;          \
    EXPORT Return name parameters {         \
        Return code = enter(#name);         \
        if (code == SUCCESS)                \
            code = body_##name arguments;   \
        leave();                            \
        return code;                        \
    }                                       \
    static Return body_##name parameters

/* Return from the body with the error, if it is one. */
#define CHECK(expression)                   \
    do {                                    \
        Return check_code = (expression);   \
        if (check_code != SUCCESS)          \
            return check_code;              \
    } while (0)

#endif
