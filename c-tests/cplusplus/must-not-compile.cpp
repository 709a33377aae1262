/* Mistakes that the compiler finds. Each case is compiled alone, with MISTAKE its number, and has to fail;
 * without a mistake the file compiles. */
#include <ancillary.hpp>

#include <string>
#include <vector>

namespace anc = ancillary;

anc::sender tx;
anc::receiver rx;
std::error_code ec;

int take_by_value(anc::unique_fd fd);
int take_by_value(anc::unique_fd fd) { return fd.get(); }

int mistake(int sock);
int mistake(int sock)
{
    anc::unique_fd fd, other;
    anc::fd_array<2> fds;
    char buf[8];
    const std::string bytes = "bytes";
    anc::outgoing message(bytes);
    unsigned char control[64];
    anc::control_builder builder(control);
#if MISTAKE == 1 /* two owners of one descriptor */
    anc::unique_fd copy = fd;
#elif MISTAKE == 2
    other = fd;
#elif MISTAKE == 3
    return take_by_value(fd);
#elif MISTAKE == 4
    std::vector<anc::unique_fd> some;
    some.push_back(fd);
#elif MISTAKE == 5
    anc::fd_array<2> copy = fds;
#elif MISTAKE == 6 /* a number becomes an owner by accident */
    anc::unique_fd accident = sock;
#elif MISTAKE == 7 /* or an owner a number */
    return fd;
#elif MISTAKE == 8 /* a frame is kept beyond the next receive */
    anc::frame kept = rx.current();
#elif MISTAKE == 9
    std::vector<anc::frame> frames;
    frames.push_back(std::move(rx.current()));
#elif MISTAKE == 10 /* a queued message moves */
    anc::outgoing moved = std::move(message);
#elif MISTAKE == 11
    std::vector<anc::outgoing> messages;
    messages.push_back(anc::outgoing(bytes));
#elif MISTAKE == 12 /* a channel moves */
    anc::sender moved = std::move(tx);
#elif MISTAKE == 13
    anc::receiver copy(rx);
#elif MISTAKE == 14 /* a literal with its NUL, or without? */
    anc::send_fds(sock, "literal", fd, ec);
#elif MISTAKE == 15 /* bytes to write to that can't be written */
    return static_cast<int>(anc::recv_fds(sock, bytes, fds, ec).bytes);
#elif MISTAKE == 16 /* the bytes of numbers sent by accident */
    std::vector<int> numbers;
    anc::send_fds(sock, numbers, fd, ec);
#elif MISTAKE == 17 /* a borrowed array given away */
    anc::outgoing_with<2> owning(bytes, fds);
#elif MISTAKE == 18 /* a payload that is more than bytes */
    builder.put_value(1, 2, bytes);
#elif MISTAKE == 19 /* a pointer for a payload */
    builder.put_value(1, 2, &sock);
#elif MISTAKE == 20
    return builder.begin()->get<std::string>().has_value();
#elif MISTAKE == 21 /* a message owns its descriptors, and the channel takes it for one that does not */
    anc::outgoing_with<2> owning;
    anc::outgoing &borrowing = owning;
    return tx.queue(borrowing, ec);
#elif MISTAKE == 22 /* the error is not asked for */
    return anc::send_fd(sock, fd);
#elif MISTAKE == 23 /* an owner's number is thrown away, and never closed */
    fd.release();
#elif MISTAKE == 24 /* nobody looks at what came */
    anc::recv_fds(sock, buf, fds, ec);
#elif MISTAKE == 25 /* two queues on the same slots */
    anc::fd_queue<4> q, r(q);
#elif MISTAKE == 26 /* two owners of what a message brought */
    anc::whole_message<> m, n(m);
#elif defined(MISTAKE)
#error "there is no such mistake"
#endif
    return take_by_value(std::move(fd)) + take_by_value(std::move(other)) + static_cast<int>(sizeof buf + fds.size() + builder.size()) + message.is_done() + sock;
}
