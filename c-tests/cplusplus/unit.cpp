/* A second translation unit that uses what the tests use, and gives types of the header to them. */
#include "unit.hpp"

anc::unique_fd from_another_unit() { return anc::unique_fd(new_descriptor()); }

std::size_t sent_by_another_unit(anc::sender &tx, anc::outgoing &m, anc::fd_array<2> &&fds, int sock, std::error_code &ec)
{
    anc::send_fds(sock, m.is_done() ? std::string("b") : std::string("a"), std::move(fds), ec);
    tx.queue(m, ec);
    return sizeof(anc::whole_message<>) + sizeof(anc::fd_queue<3>) + sizeof(anc::info) + sizeof(anc::receiver_with_memory<>);
}
