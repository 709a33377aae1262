/* Two translation units, perhaps of two versions of C++, share the header's types. */
#include "unit.hpp"

TEST(two_translation_units_share_the_types)
{
    sockets s, t;
    std::error_code ec;
    anc::unique_fd fd = from_another_unit();
    anc::sender_with_memory<> tx;
    anc::receiver_with_memory<> rx;
    const std::string bytes = "x";
    anc::outgoing m(bytes, fd);
    anc::fd_array<2> fds;
    CHECK(fd && is_open(fd.get()) && fds.push_back(from_another_unit()));
    CHECK(tx.open(t.a, ec) && rx.open(t.b, ec));
    std::size_t sizes = sizeof(anc::whole_message<>) + sizeof(anc::fd_queue<3>) + sizeof(anc::info) + sizeof(anc::receiver_with_memory<>);
    CHECK_INT(sent_by_another_unit(tx, m, std::move(fds), s.a.get(), ec), sizes);
    CHECK(!ec && fds.empty() && m.is_pending() && tx.flush(ec) && m.is_done());
    CHECK(rx.receive(ec) && rx.current().fds() == 1);
    char c;
    CHECK_INT(anc::recv_fds(s.b, anc::mutable_buffer(&c, 1), fds, ec).fds, 1);
}
