/* The C tests' harness in C++. Its system headers come first: none of them may be met inside of extern "C". */
#ifndef HARNESS_HPP
#define HARNESS_HPP

#include <ancillary.hpp>

#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern "C" {
#include "../harness.h"
}

namespace anc = ancillary;

/* A descriptor that the test owns, and a pair of sockets. */
inline anc::unique_fd new_owner() { return anc::unique_fd(new_descriptor()); }

struct sockets {
    anc::unique_fd a, b;
    explicit sockets(int type = SOCK_STREAM)
    {
        int pair[2];
        socket_pair(type, pair);
        a.reset(pair[0]);
        b.reset(pair[1]);
    }
};

#define CHECK_EC(ec, expected)                                                                     \
    do {                                                                                           \
        if ((ec) != std::error_code(expected, std::generic_category()))                            \
            fail(__FILE__, __LINE__, "the error is %d, not %s", (ec).value(), #expected);          \
    } while (0)
#define CHECK_NO(ec)                                                                               \
    do {                                                                                           \
        if (ec)                                                                                    \
            fail(__FILE__, __LINE__, "the error is %d", (ec).value());                             \
    } while (0)

#endif
