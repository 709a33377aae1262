/* opener FILE...: a worker without privileges reads files that only its broker may open, in C++.
 *
 *     c++ -std=c++11 opener.cpp -o opener $(pkg-config --cflags --libs ancillary)
 *
 * The broker keeps its privileges and answers one question: open this file. It opens what it was started with,
 * for reading, and nothing else. The worker becomes nobody, has no descriptor but its socket, and sees the
 * first line of each. `sh selftest.sh` runs it. */
#include <ancillary.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace anc = ancillary;

[[noreturn]] static void die(const char *what, std::error_code ec = std::error_code(errno, std::generic_category()))
{
    std::fprintf(stderr, "opener: %s: %s\n", what, ec.message().c_str());
    std::exit(1);
}

/* A question is a name, an answer is a descriptor, or the reason why there is none. */
static void serve(anc::unique_fd sock, const std::vector<std::string> &allowed)
{
    std::vector<char> question(4096);
    std::error_code ec;
    for (;;) {
        anc::received asked = anc::recv_fds(sock, question, anc::fd_slots(), ec); /* it has no use for descriptors */
        if (ec)
            die("the worker's question", ec);
        if (asked.nothing())
            return;
        std::string name(question.data(), asked.bytes);
        if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
            anc::send_fds(sock, std::string("not allowed"), {}, ec);
        } else {
            anc::unique_fd file(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
            if (file)
                anc::send_fds(sock, std::string("here"), std::move(file), ec, ANC_ALL);
            else
                anc::send_fds(sock, std::string(std::strerror(errno)), {}, ec);
        }
        if (ec)
            die("answer", ec);
    }
}

static void drop_privileges()
{
    const unsigned nobody = 65534;
    if (geteuid() == 0 && (setgroups(0, nullptr) == -1 || setgid(nobody) == -1 || setuid(nobody) == -1))
        die("setuid");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        die("prctl");
}

static int work(anc::unique_fd sock, std::vector<std::string> names)
{
    drop_privileges();
    names.push_back("/etc/shadow"); /* worth a try */
    for (const std::string &name : names) {
        std::error_code ec;
        anc::fd_array<1> files;
        char answer[256];
        anc::send_fds(sock, name, {}, ec);
        if (ec)
            die("question", ec);
        anc::received got = anc::recv_fds(sock, answer, files, ec);
        if (ec)
            die("answer", ec);
        anc::unique_fd file = files.take(0);
        if (!file) {
            std::printf("%s: %.*s\n", name.c_str(), static_cast<int>(got.bytes), answer);
            continue;
        }
        char line[64];
        bool is_own = access(name.c_str(), R_OK) == 0;
        ssize_t n = read(file.get(), line, sizeof line);
        int len = static_cast<int>(n <= 0 ? 0 : std::find(line, line + n, '\n') - line);
        std::printf("%s (%s): %.*s\n", name.c_str(), is_own ? "which I could open" : "which I could not open", len, line);
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    std::vector<std::string> names(argv + 1, argv + argc);
    int pair[2], status;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
        die("socketpair");
    anc::unique_fd brokers(pair[0]), workers(pair[1]);
    pid_t child = fork();
    if (child == -1)
        die("fork");
    if (child == 0) {
        brokers.reset();
        std::exit(work(std::move(workers), names));
    }
    workers.reset();
    serve(std::move(brokers), names);
    return waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
}
