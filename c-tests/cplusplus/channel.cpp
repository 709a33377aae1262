/* Channels: who owns a message's descriptors at each moment, and which end may end first. */
#include "harness.hpp"

#include <type_traits>

static_assert(!std::is_move_constructible<anc::outgoing>::value && !std::is_move_constructible<anc::outgoing_with<1>>::value, "the channel points to a queued message");
static_assert(!std::is_move_constructible<anc::sender>::value && !std::is_move_constructible<anc::receiver>::value && !std::is_copy_assignable<anc::receiver>::value, "and messages to their channel");
static_assert(!std::is_copy_constructible<anc::frame>::value && !std::is_default_constructible<anc::frame>::value, "a frame can't be kept");

/* Both ends of a channel. */
struct ends : sockets {
    anc::sender_with_memory<> tx;
    anc::receiver_with_memory<> rx;
    std::error_code ec;
    explicit ends(int type = SOCK_STREAM) : sockets(type)
    {
        CHECK(tx.open(a, ec) && rx.open(b, ec) && !ec);
    }
};

static std::string text(const anc::frame &f) { return std::string(f.begin(), f.end()); }

TEST(messages_arrive_as_they_were_queued_with_their_descriptors)
{
    for (int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
        ends c(type);
        anc::unique_fd fd = new_owner();
        const std::string one = "one", two = "two";
        char three[2] = {'t', 'h'};
        iovec parts[2] = {{three, 1}, {three + 1, 1}};
        anc::outgoing a(one, fd), b(two), d(parts), empty(anc::const_buffer(), fd);
        anc::fd_array<2> pair;
        CHECK(pair.push_back(new_owner()) && pair.push_back(new_owner()));
        int moved = pair[0];
        anc::outgoing_with<2> e(one, std::move(pair));
        CHECK(pair.empty() && !a.is_pending() && !a.is_done() && !a.is_dropped() && !a.has_fds_gone());
        CHECK(c.tx.queue(a, c.ec) && c.tx.queue(b, c.ec) && c.tx.queue(d, c.ec) && c.tx.queue(empty, c.ec) && c.tx.queue(e, c.ec));
        CHECK(a.is_pending() && e.is_pending() && is_open(moved));
        CHECK(c.tx.flush(c.ec) && !c.ec);
        CHECK(a.is_done() && a.has_fds_gone() && e.is_done() && !e.is_pending() && !is_open(moved) && fd);

        CHECK(c.rx.receive(c.ec));
        anc::frame &f = c.rx.current();
        CHECK(text(f) == "one" && f.fds() == 1 && !f.has_more() && f.fd(0) >= 0 && f.fd(1) == -1);
        anc::unique_fd got = f.take(0, c.ec);
        CHECK(!c.ec && same_file(got.get(), fd.get()) && is_cloexec(got.get()) && f.fd(0) == -1);
        CHECK(!f.take(0, c.ec));
        CHECK_EC(c.ec, ENOMSG);
        CHECK(!f.take(1, c.ec));
        CHECK_EC(c.ec, EINVAL);
        CHECK(c.rx.receive(c.ec) && text(f) == "two" && f.fds() == 0);
        CHECK(c.rx.receive(c.ec) && text(f) == "th");
        CHECK(c.rx.receive(c.ec) && f.size() == 0 && f.fds() == 1);
        int untaken = f.fd(0);
        CHECK(is_open(untaken));
        CHECK(c.rx.receive(c.ec, 1000) && text(f) == "one" && f.fds() == 2);
        CHECK(!is_open(untaken) || untaken == f.fd(0) || untaken == f.fd(1));
        CHECK(!c.rx.receive(c.ec, 0) && f.fds() == 0 && f.size() == 0);
        CHECK_EC(c.ec, EAGAIN);
        c.a.reset();
        CHECK(!c.rx.receive(c.ec) && !c.ec && f.size() == 0);
        CHECK(is_open(got.get()));
    }
}

TEST(a_message_that_ends_while_it_waits_drops_the_queue_with_it)
{
    int before = open_descriptors();
    {
        ends c;
        const std::string bytes = "x";
        anc::outgoing first(bytes), third(bytes);
        CHECK(c.tx.queue(first, c.ec));
        int moved;
        {
            anc::fd_array<1> fd;
            CHECK(fd.push_back(new_owner()));
            moved = fd[0];
            anc::outgoing_with<1> second(bytes, std::move(fd));
            CHECK(c.tx.queue(second, c.ec) && c.tx.queue(third, c.ec));
        }
        CHECK(!is_open(moved) && first.is_dropped() && third.is_dropped() && !first.is_pending());
        /* Nothing has gone, so that the channel can be used on. */
        CHECK(first.set(bytes) && c.tx.queue(first, c.ec) && c.tx.flush(c.ec) && first.is_done());
        CHECK(c.rx.receive(c.ec) && !c.rx.receive(c.ec, 0));
        {
            anc::outgoing borrowed(bytes);
            CHECK(c.tx.queue(borrowed, c.ec));
        }
        CHECK(c.tx.flush(c.ec) && !c.rx.receive(c.ec, 0));
        CHECK_EC(c.ec, EAGAIN);
    }
    CHECK_INT(open_descriptors(), before);
}

TEST(a_channel_may_end_before_its_messages)
{
    sockets s;
    std::error_code ec;
    int before = open_descriptors();
    const std::string bytes = "x";
    anc::fd_array<1> fd;
    CHECK(fd.push_back(new_owner()));
    int moved = fd[0];
    anc::outgoing borrowed(bytes);
    anc::outgoing_with<1> owning(bytes, std::move(fd));
    {
        unsigned char memory[ANC_TX_BUFFER];
        anc::sender tx;
        CHECK(tx.open(s.a, memory, ec) && tx.queue(borrowed, ec) && tx.queue(owning, ec));
        CHECK(owning.is_pending() && is_open(moved));
    }
    CHECK(borrowed.is_dropped() && owning.is_dropped() && !is_open(moved));
    CHECK_INT(open_descriptors(), before);
}

TEST(a_message_that_was_never_queued_closes_what_it_owns)
{
    int before = open_descriptors();
    {
        anc::sender closed;
        std::error_code ec;
        anc::fd_array<2> fds;
        CHECK(fds.push_back(new_owner()) && fds.push_back(new_owner()));
        int fd = fds[0];
        anc::outgoing_with<2> m(anc::const_buffer(), std::move(fds));
        CHECK(is_open(fd) && !closed.queue(m, ec) && is_open(fd) && !m.is_pending());
        CHECK_EC(ec, EINVAL);
        CHECK(!closed.flush(ec) && ec);
        closed.drop();
    }
    CHECK_INT(open_descriptors(), before);
}

TEST(a_pending_message_is_neither_changed_nor_queued_twice)
{
    ends c;
    const std::string bytes = "x", other = "other";
    anc::unique_fd fd = new_owner();
    anc::outgoing m(bytes);
    anc::fd_array<1> one, two;
    CHECK(one.push_back(new_owner()) && two.push_back(new_owner()));
    anc::outgoing_with<1> w(bytes, std::move(one));
    CHECK(c.tx.queue(m, c.ec) && c.tx.queue(w, c.ec));
    CHECK(!c.tx.queue(m, c.ec));
    CHECK_EC(c.ec, EBUSY);
    CHECK(!c.tx.queue(w, c.ec));
    CHECK_EC(c.ec, EBUSY);
    CHECK(!m.set(other, fd) && !w.set(other, std::move(two)) && two.size() == 1);
    CHECK(c.tx.flush(c.ec) && m.is_done());
    CHECK(c.rx.receive(c.ec) && text(c.rx.current()) == "x" && c.rx.current().fds() == 0);
    CHECK(c.rx.receive(c.ec) && c.rx.current().fds() == 1);

    /* Done, it is another message, or the same once more. */
    CHECK(c.tx.queue(m, c.ec) && c.tx.flush(c.ec) && c.rx.receive(c.ec) && text(c.rx.current()) == "x");
    CHECK(m.set(other, fd) && !m.is_done() && w.set(other, std::move(two)) && two.empty());
    CHECK(c.tx.queue(m, c.ec) && c.tx.queue(w, c.ec) && c.tx.flush(c.ec));
    CHECK(c.rx.receive(c.ec) && text(c.rx.current()) == "other" && c.rx.current().fds() == 1);
    /* What it owned has gone: queued once more it has none. */
    CHECK(c.rx.receive(c.ec) && c.rx.current().fds() == 1);
    CHECK(c.tx.queue(w, c.ec) && c.tx.flush(c.ec) && c.rx.receive(c.ec) && c.rx.current().fds() == 0);
}

TEST(limits_reach_both_sides)
{
    sockets s;
    std::error_code ec;
    unsigned char small[100];
    std::vector<unsigned char> tx_memory(ANC_TX_BUFFER), rx_memory(ANC_RX_BUFFER);
    int slots[ANC_FDS_MAX];
    anc_limits limits = anc_limits();
    limits.max_message = 4;
    anc::sender tx;
    anc::receiver rx;
    CHECK(!tx.open(s.a, small, ec));
    CHECK_EC(ec, ENOBUFS);
    CHECK(!rx.open(s.b, rx_memory, slots, 3, ec));
    CHECK_EC(ec, ENOBUFS);
    CHECK(tx.open(s.a, tx_memory, ec, limits) && rx.open(s.b, rx_memory, slots, ANC_FDS_MAX, ec, limits));
    const std::string four = "four", five = "fives";
    anc::outgoing m(four), n(five);
    CHECK(tx.queue(m, ec) && !tx.queue(n, ec));
    CHECK_EC(ec, EMSGSIZE);
    CHECK(tx.flush(ec) && rx.receive(ec));
    CHECK(tx.open(s.a, tx_memory, ec) && tx.queue(n, ec) && tx.flush(ec) && !rx.receive(ec));
    CHECK_EC(ec, EMSGSIZE);
}

TEST(a_message_larger_than_a_frame_comes_in_parts)
{
    ends c;
    const std::vector<char> bytes(70000, 'b');
    anc::outgoing m(bytes);
    CHECK(c.tx.queue(m, c.ec));
    CHECK(c.tx.flush(c.ec, 0) || c.ec == std::errc::resource_unavailable_try_again);
    std::size_t total = 0;
    do {
        CHECK(c.rx.receive(c.ec, 1000));
        total += c.rx.current().size();
    } while (c.rx.current().has_more());
    CHECK_INT(total, bytes.size());
}

TEST(a_loop_of_its_own_asks_what_to_send_and_to_receive)
{
    ends c;
    const std::string bytes = "x";
    anc::unique_fd fd = new_owner();
    anc::outgoing m(bytes, fd);
    msghdr msg;
    CHECK(!c.tx.next(msg, c.ec) && !c.ec);
    CHECK(c.tx.queue(m, c.ec) && c.tx.next(msg, c.ec) && !c.ec);
    CHECK(c.tx.sent(-EAGAIN, c.ec) == false);
    CHECK_EC(c.ec, EAGAIN);
    CHECK(c.tx.next(msg, c.ec));
    CHECK(c.tx.sent(::sendmsg(c.a.get(), &msg, MSG_NOSIGNAL), c.ec) && m.is_done());
    CHECK(!c.rx.next(c.ec) && !c.ec && c.rx.prepare(msg, c.ec) && !c.ec);
    CHECK(c.rx.got(msg, ::recvmsg(c.b.get(), &msg, MSG_CMSG_CLOEXEC), c.ec) && !c.ec);
    CHECK(c.rx.next(c.ec) && c.rx.current().size() == 1 && c.rx.current().fds() == 1);
    CHECK(!c.rx.next(c.ec) && !c.ec && c.rx.current().fds() == 0);
    c.a.reset();
    CHECK(c.rx.prepare(msg, c.ec) && c.rx.got(msg, ::recvmsg(c.b.get(), &msg, MSG_CMSG_CLOEXEC), c.ec));
    CHECK(!c.rx.next(c.ec) && !c.ec && !c.rx.prepare(msg, c.ec) && !c.ec);
}

TEST(a_lost_descriptor_says_why)
{
    if (on_valgrind())
        skip("RLIMIT_NOFILE is valgrind's own pretence, which the kernel's recvmsg does not see");
    ends c;
    const std::string bytes = "x";
    int fds[2] = {0, 1};
    anc::outgoing m(bytes, fds);
    CHECK(c.tx.queue(m, c.ec) && c.tx.flush(c.ec));
    rlimit limit, was;
    CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0);
    limit = was;
    limit.rlim_cur = static_cast<rlim_t>(lowest_free() + 1);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(c.rx.receive(c.ec) && c.rx.current().fds() == 2);
    CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0);
    anc::unique_fd first = c.rx.current().take(0, c.ec);
    CHECK(first && !c.ec && c.rx.current().fd(1) == -EMFILE);
    CHECK(!c.rx.current().take(1, c.ec));
    CHECK_EC(c.ec, EMFILE);
}

TEST(a_receiver_closes_what_was_not_taken_when_it_ends)
{
    sockets s;
    std::error_code ec;
    int before = open_descriptors();
    const std::string bytes = "x";
    int fds[2] = {0, 1};
    {
        anc::sender_with_memory<> tx;
        anc::receiver_with_memory<> rx;
        CHECK(tx.open(s.a, ec) && rx.open(s.b, ec));
        anc::outgoing m(bytes, fds), n(bytes, fds);
        CHECK(tx.queue(m, ec) && tx.queue(n, ec) && tx.flush(ec));
        CHECK(rx.receive(ec) && rx.current().fds() == 2);
        CHECK(open_descriptors() > before);
    }
    CHECK_INT(open_descriptors(), before);
    {
        std::vector<unsigned char> memory(ANC_RX_BUFFER);
        int slots[ANC_FDS_MAX];
        anc::receiver rx;
        CHECK(rx.open(s.b, memory, slots, ANC_FDS_MAX, ec));
        CHECK_INT(raw_send(s.a.get(), "\1\0\0\0\2\0\0\1x", 9, fds, 2, 0), 9);
        CHECK(rx.receive(ec) && rx.current().fds() == 2);
        CHECK(rx.open(s.b, memory, slots, ANC_FDS_MAX, ec) && rx.current().fds() == 0);
        CHECK_INT(open_descriptors(), before);
        CHECK_INT(raw_send(s.a.get(), "\1\0\0\0\2\0\0\1x", 9, fds, 2, 0), 9);
        CHECK(rx.receive(ec) && rx.current().fds() == 2);
    }
    CHECK_INT(open_descriptors(), before);
    anc::receiver never;
    CHECK(!never.receive(ec) && never.current().size() == 0);
    CHECK_EC(ec, EINVAL);
}
