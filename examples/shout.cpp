/* shout server PATH [COUNT] | shout client PATH TEXT...: channels under epoll, in C++.
 *
 *     c++ -std=c++11 shout.cpp -o shout $(pkg-config --cflags --libs ancillary)
 *
 * A client sends shared memory with each message, and gets back other memory with the text in capitals. The
 * server trusts nobody: it talks to its own user alone, and maps only memory that can neither shrink nor change
 * any more. A text that begins with a dash is sent in memory without seals, and is refused. After COUNT
 * connections the server ends. `sh selftest.sh` runs it. */
#include <ancillary.hpp>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <map>
#include <memory>
#include <string>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

namespace anc = ancillary;

static const unsigned SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

[[noreturn]] static void die(const char *what, std::error_code ec = std::error_code(errno, std::generic_category()))
{
    std::fprintf(stderr, "shout: %s: %s\n", what, ec.message().c_str());
    std::exit(1);
}

static anc::unique_fd memory_of(const std::string &text, bool is_sealed)
{
    anc::unique_fd fd(memfd_create("shout", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd || write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        die("memfd");
    if (is_sealed && fcntl(fd.get(), F_ADD_SEALS, SEALS | F_SEAL_SEAL) == -1)
        die("F_ADD_SEALS");
    return fd;
}

/* The text in somebody else's memory. The seals come first: without them reading may be fatal. */
static std::string text_in(const anc::unique_fd &fd, std::error_code &ec)
{
    if (!anc::fd_require(fd, ANC_FD_MEMORY, ANC_FD_READ, F_SEAL_SHRINK | F_SEAL_WRITE, ec))
        return std::string();
    std::size_t size = anc::fd_describe(fd, ec).size;
    if (ec || size == 0)
        return std::string();
    if (size > 1 << 20) {
        ec = std::make_error_code(std::errc::file_too_large);
        return std::string();
    }
    void *map = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (map == MAP_FAILED) {
        ec.assign(errno, std::generic_category());
        return std::string();
    }
    std::string text(static_cast<const char *>(map), size);
    munmap(map, size);
    return text;
}

/* A message that waits to be sent, with its bytes and its descriptor. It stays where it is. */
struct post {
    std::string bytes;
    anc::outgoing_with<1> message;

    post(const std::string &text, anc::unique_fd fd) : bytes(text)
    {
        anc::fd_array<1> fds;
        if (fd)
            fds.push_back(std::move(fd));
        message.set(bytes, std::move(fds));
    }
};

struct connection {
    anc::unique_fd sock;
    anc::sender_with_memory<> tx;
    anc::receiver_with_memory<> rx;
    std::deque<std::unique_ptr<post>> posts; /* behind tx: they end before it */

    explicit connection(anc::unique_fd fd, std::error_code &ec) : sock(std::move(fd))
    {
        anc_limits limits = anc_limits();
        limits.max_message = 64;
        limits.max_fds = 1;
        tx.open(sock, ec, limits) && rx.open(sock, ec, limits);
    }

    void answer(anc::frame &asked, std::error_code &ec)
    {
        anc::unique_fd memory = asked.take(0, ec);
        std::string text = ec ? std::string() : text_in(memory, ec);
        for (char &c : text)
            c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        std::unique_ptr<post> reply(ec ? new post("refused: " + ec.message(), anc::unique_fd())
                                       : new post("here it is", memory_of(text, true)));
        if (tx.queue(reply->message, ec))
            posts.push_back(std::move(reply));
    }

    /* What has come is answered, and what the socket takes is sent. false: the connection is over. */
    bool go_on()
    {
        std::error_code ec;
        while (posts.size() < 100 && rx.receive(ec, 0)) {
            answer(rx.current(), ec);
            if (ec)
                return false;
        }
        bool is_end = !ec && posts.size() < 100;
        if (ec && ec != std::errc::resource_unavailable_try_again)
            return false;
        if (!tx.flush(ec, 0) && ec.value() != EAGAIN && ec.value() != ETOOMANYREFS)
            return false;
        while (!posts.empty() && !posts.front()->message.is_pending())
            posts.pop_front();
        return !is_end || !posts.empty();
    }
};

static sockaddr_un address(const char *path)
{
    sockaddr_un to = sockaddr_un();
    to.sun_family = AF_UNIX;
    std::strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    return to;
}

static void watch(int epoll, int op, int fd, unsigned events)
{
    epoll_event e = epoll_event();
    e.events = events;
    e.data.fd = fd;
    if (epoll_ctl(epoll, op, fd, &e) == -1)
        die("epoll_ctl");
}

static int serve(const char *path, long count)
{
    sockaddr_un here = address(path);
    anc::unique_fd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), epoll(epoll_create1(EPOLL_CLOEXEC));
    std::map<int, std::unique_ptr<connection>> connections;
    bool is_counting = count > 0;
    unlink(path);
    if (!listener || !epoll || bind(listener.get(), reinterpret_cast<sockaddr *>(&here), sizeof here) == -1 || listen(listener.get(), 16) == -1)
        die(path);
    watch(epoll.get(), EPOLL_CTL_ADD, listener.get(), EPOLLIN);
    std::puts("ready");
    std::fflush(stdout);

    while (!is_counting || count > 0 || !connections.empty()) {
        epoll_event events[16];
        bool is_any_waiting = false;
        for (const auto &c : connections)
            is_any_waiting = is_any_waiting || !c.second->posts.empty();
        /* A user with too many descriptors in flight can only be waited for by the clock. */
        int n = epoll_wait(epoll.get(), events, 16, is_any_waiting ? 100 : -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener.get()) {
                std::error_code ec;
                anc::unique_fd sock(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
                if (!sock)
                    continue;
                anc::peer_info peer = anc::peer(sock, ec);
                if (!peer.who || peer.who->uid != geteuid())
                    continue;
                int number = sock.get();
                std::unique_ptr<connection> c(new connection(std::move(sock), ec));
                if (!ec) {
                    watch(epoll.get(), EPOLL_CTL_ADD, number, EPOLLIN);
                    connections[number] = std::move(c);
                    count--;
                }
            } else if (!connections[fd]->go_on()) {
                connections.erase(fd);
            } else {
                watch(epoll.get(), EPOLL_CTL_MOD, fd, connections[fd]->posts.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
            }
        }
        for (auto c = connections.begin(); n == 0 && c != connections.end();)
            c = c->second->go_on() ? std::next(c) : connections.erase(c);
    }
    unlink(path);
    return 0;
}

static int ask(const char *path, char **texts)
{
    sockaddr_un there = address(path);
    anc::unique_fd sock(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    std::error_code ec;
    if (!sock || connect(sock.get(), reinterpret_cast<sockaddr *>(&there), sizeof there) == -1)
        die(path);
    connection c(std::move(sock), ec);
    if (ec)
        die("channel", ec);
    while (*texts != nullptr) {
        /* As many at once as the server answers without being heard: two that only send wait for ever. */
        char **text = texts;
        for (int i = 0; i < 50 && *text != nullptr; i++, text++) {
            c.posts.emplace_back(new post("in capitals, please", memory_of(*text, **text != '-')));
            if (!c.tx.queue(c.posts.back()->message, ec))
                die("queue", ec);
        }
        if (!c.tx.flush(ec)) /* by one system call */
            die("send", ec);
        c.posts.clear();
        for (; texts != text; texts++) {
            if (!c.rx.receive(ec, 10000))
                die("receive", ec);
            anc::frame &reply = c.rx.current();
            std::string answer(reply.begin(), reply.end());
            if (reply.fds() == 1) {
                anc::unique_fd memory = reply.take(0, ec);
                answer += ": " + text_in(memory, ec);
                if (ec)
                    die("reply", ec);
            }
            std::puts(answer.c_str());
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && std::strcmp(argv[1], "server") == 0)
        return serve(argv[2], argc > 3 ? std::atol(argv[3]) : 0);
    if (argc >= 3 && std::strcmp(argv[1], "client") == 0)
        return ask(argv[2], argv + 3);
    std::fprintf(stderr, "usage: shout server PATH [COUNT] | shout client PATH TEXT...\n");
    return 2;
}
