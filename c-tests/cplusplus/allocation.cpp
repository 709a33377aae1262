/* Nothing allocates but a vector that is received into, and that only where its capacity does not suffice. */
#include "harness.hpp"

/* Every form of new comes down to this one. */
static int allocations, waits_meanwhile = -1;
void *operator new(std::size_t n)
{
    allocations++;
    pollfd waits = {waits_meanwhile, POLLIN, 0};
    if (waits_meanwhile >= 0)
        CHECK_INT(poll(&waits, 1, 0), 1);
    void *p = malloc(n);
    if (p == nullptr)
        abort();
    return p;
}
void operator delete(void *p) noexcept { free(p); }
#if __cplusplus >= 201402L
void operator delete(void *p, std::size_t) noexcept { free(p); }
#endif

TEST(sending_and_receiving_allocate_nothing)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd sent = new_owner();
    std::vector<anc::unique_fd> owners;
    anc::unique_fd slots[2];
    anc::fd_array<2> array;
    char buf[4];
    const unsigned char bytes[1] = {'x'};
    owners.reserve(2);
    int before = allocations;
    for (int way = 0; way < 3; way++) {
        CHECK_INT(anc::send_fds(s.a, bytes, sent, ec), 1);
        CHECK_INT((way == 0   ? anc::recv_fds(s.b, buf, array, ec)
                   : way == 1 ? anc::recv_fds(s.b, buf, slots, ec)
                              : anc::recv_fds(s.b, buf, owners, 2, ec)).fds, 1);
    }
    CHECK_INT(anc::send_fds(s.a, bytes, {sent.get(), sent.get()}, ec), 1);
    anc::whole_message<> m;
    CHECK_INT(m.recv(s.b, buf, ec), 1);
    for (anc::control_message c : m.messages())
        CHECK(c.is(SOL_SOCKET, SCM_RIGHTS));
    CHECK_INT(m.decode(ec).fds(), 2);
    CHECK_INT(anc::recv_fds(s.b, buf, array, ec, ANC_DONTWAIT).bytes, 0);
    CHECK_EC(ec, EAGAIN);
    CHECK_INT(allocations, before);

    /* The vector's own, which may fail: before anything has come. */
    std::vector<anc::unique_fd> grows;
    CHECK_INT(anc::send_fds(s.a, bytes, sent, ec), 1);
    waits_meanwhile = s.b.get();
    CHECK_INT(anc::recv_fds(s.b, buf, grows, 2, ec).fds, 1);
    CHECK_INT(allocations, before + 1);
    waits_meanwhile = -1;
}

TEST(a_channel_allocates_nothing)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd sent = new_owner();
    int before = allocations;
    anc::sender_with_memory<> tx;
    anc::receiver_with_memory<> rx;
    const unsigned char bytes[1] = {'x'};
    CHECK(tx.open(s.a, ec) && rx.open(s.b, ec));
    for (int i = 0; i < 3; i++) {
        anc::fd_array<1> fd;
        CHECK(fd.push_back(new_owner()));
        anc::outgoing m(bytes, sent);
        anc::outgoing_with<1> n(bytes, std::move(fd));
        CHECK(tx.queue(m, ec) && tx.queue(n, ec) && tx.flush(ec) && rx.receive(ec) && rx.receive(ec));
        CHECK(rx.current().take(0, ec));
    }
    CHECK_INT(allocations, before);
}
