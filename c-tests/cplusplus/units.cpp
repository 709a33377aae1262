/* Two translation units, perhaps of two versions of C++, share the header's types. */
#include "unit.hpp"

/* What does not wait is noexcept; what may wait lets a cancelled thread through. */
std::error_code &e() noexcept;
msghdr &message() noexcept;
anc::fd_array<2> &array() noexcept;
#define VALUE(type) std::declval<type>()
static_assert(noexcept(anc::decode(message(), e())) && noexcept(anc::take_fds(message(), array(), e())) &&
                  noexcept(anc::take_pidfd(message(), e())) && noexcept(anc::want(0, 0, 0, e())) && noexcept(anc::wanted(0, e())) &&
                  noexcept(anc::peer(0, e())) && noexcept(anc::fd_describe(0, e())) && noexcept(anc::fd_require(0, 0, 0, 0, e())) &&
                  noexcept(anc::refuse_fds(0, e())) && noexcept(anc::pidfd_matches(0, 0, e())),
              "these do not wait");
static_assert(noexcept(VALUE(anc::sender &).queue(VALUE(anc::outgoing &), e())) && noexcept(VALUE(anc::sender &).next(message(), e())) &&
                  noexcept(VALUE(anc::sender &).sent(0, e())) && noexcept(VALUE(anc::sender &).drop()) &&
                  noexcept(VALUE(anc::receiver &).next(e())) && noexcept(VALUE(anc::receiver &).prepare(message(), e())) &&
                  noexcept(VALUE(anc::receiver &).got(message(), 0, e())) && noexcept(VALUE(anc::frame &).take(0, e())) &&
                  noexcept(VALUE(anc::fd_queue<1> &).take(e())) && noexcept(VALUE(anc::control_builder &).put_fds(array())),
              "these do not wait");
static_assert(!noexcept(anc::recv_fd(0, e())) && !noexcept(anc::recv_fds(0, anc::mutable_buffer(), array(), e())) &&
                  !noexcept(anc::send_fd(0, 0, e())) && !noexcept(anc::send_fds(0, anc::const_buffer(), array(), e())) &&
                  !noexcept(anc::sendmsg(0, message(), e())) && !noexcept(anc::recvmsg(0, message(), e())) &&
                  !noexcept(VALUE(anc::whole_message<> &).recv(0, anc::mutable_buffer(), e())) &&
                  !noexcept(VALUE(anc::fd_queue<1> &).recv(0, anc::mutable_buffer(), 0, e())) &&
                  !noexcept(VALUE(anc::sender &).flush(e())) && !noexcept(VALUE(anc::receiver &).receive(e())),
              "these are cancellation points");

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
