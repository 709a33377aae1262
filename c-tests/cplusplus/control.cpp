/* Control messages: building, walking, decoding; whole messages and what nobody takes of them; the queue. */
#include "harness.hpp"

#include <algorithm>
#include <iterator>
#include <netinet/in.h>
#if __cplusplus >= 202002L && __has_include(<ranges>)
#include <ranges>
#if defined(__cpp_lib_ranges)
static_assert(std::ranges::forward_range<const anc::control_messages> && std::ranges::forward_range<const anc::control_builder>, "a range in C++20");
#endif
#endif

TEST(what_is_built_is_a_range_of_messages)
{
    alignas(cmsghdr) unsigned char memory[ANC_FDS_SPACE(2) + ANC_SPACE(12) + ANC_SPACE(4)];
    anc::control_builder b{memory};
    int fds[2] = {0, 1}, types[3] = {0, 0, 0};
    std::size_t n = 0;
    CHECK(b.begin() == b.end() && b.size() == 0);
    b.put_fds(fds).put_credentials(1, 2, 3).put_value(IPPROTO_IP, IP_TTL, 64);
    CHECK(!b.error());
    for (anc::control_message m : b) {
        CHECK(n < 3);
        types[n++] = m.type();
    }
    CHECK(n == 3 && types[0] == SCM_RIGHTS && types[1] == SCM_CREDENTIALS && types[2] == IP_TTL);
    CHECK_INT(b.size(), sizeof memory);
    msghdr msg = msghdr();
    std::error_code ec;
    CHECK(b.finish(msg, ec) && !ec && msg.msg_control == memory && msg.msg_controllen == sizeof memory);
    CHECK_INT(std::distance(b.begin(), b.end()), 3);
    CHECK(!b.messages().check());
}

TEST(the_first_error_of_a_builder_stays)
{
    unsigned char memory[ANC_FDS_SPACE(1)];
    anc::control_builder b{memory};
    int fd = 0;
    b.put_credentials(1, 2, 3).put_fds(anc::fd_view(&fd, 1));
    b.put(SOL_SOCKET, SCM_RIGHTS, anc::const_buffer(nullptr, 4));
    CHECK_EC(b.error(), ENOBUFS);
    std::error_code ec;
    msghdr msg = msghdr();
    CHECK(!b.finish(msg, ec) && msg.msg_control == nullptr);
    CHECK_EC(ec, ENOBUFS);
    CHECK(b.begin() == b.end());
}

TEST(every_put_writes_its_kind)
{
    alignas(cmsghdr) unsigned char memory[512];
    anc::control_builder b{memory};
    sockaddr_in from = sockaddr_in();
    anc_dest asked = anc_dest();
    from.sin_family = AF_INET;
    asked.family = AF_INET;
    asked.reply_from[0] = 127;
    b.put_tos(AF_INET, 1).put_ttl(AF_INET, 2).put_segment(3).put_txtime(4).put_timestamping(8).put_mark(5).put_priority(6);
    b.put_source(reinterpret_cast<const sockaddr *>(&from), sizeof from, 7).put_reply_from(asked);
    b.put(SOL_SOCKET, 4711, anc::const_buffer("abc", 3));
    CHECK_NO(b.error());
    const char *names[10] = {"IP_TOS", "IP_TTL", "UDP_SEGMENT", "SCM_TXTIME", "SO_TIMESTAMPING", "SO_MARK", "SO_PRIORITY", "IP_PKTINFO", "IP_PKTINFO", nullptr};
    std::size_t n = 0;
    for (anc::control_message m : b) {
        CHECK(n < 10);
        const char *name = m.name();
        if (names[n] == nullptr)
            CHECK(name == nullptr && m.size() == 3 && memcmp(m.data(), "abc", 3) == 0);
        else if (n != 3 && n != 4) /* those go by two names */
            CHECK_CASE(name != nullptr && strcmp(name, names[n]) == 0, "%s, not %s", name, names[n]);
        n++;
    }
    CHECK_INT(n, 10);
    anc::control_messages all = b.messages();
    std::error_code ec;
    CHECK(*all.get<int>(IPPROTO_IP, IP_TOS, ec) == 1 && *all.get<int>(IPPROTO_IP, IP_TTL, ec) == 2);
    CHECK(*all.get<std::uint32_t>(SOL_SOCKET, SO_MARK, ec) == 5 && *all.get<std::uint32_t>(SOL_SOCKET, SO_PRIORITY, ec) == 6);
}

TEST(a_payload_is_read_as_its_type_or_not_at_all)
{
    unsigned char memory[ANC_SPACE(4) + 1]; /* whatever its alignment */
    anc::control_builder b(anc::mutable_buffer(memory + 1, sizeof memory - 1));
    b.put_value(IPPROTO_IP, IP_TTL, 64);
    anc::control_message m = *b.begin();
    CHECK(b.begin()->is(IPPROTO_IP, IP_TTL) && !m.is(IPPROTO_IP, IP_TOS) && m.level() == IPPROTO_IP && !m.is_cut());
    CHECK(m.get<int>() && *m.get<int>() == 64 && m.get<int>().value_or(1) == 64);
    CHECK(!m.get<char>() && !m.get<std::int64_t>().has_value() && m.get<char>().value_or('x') == 'x');
    std::error_code ec;
    anc::control_messages all = b.messages();
    CHECK(*all.get<int>(IPPROTO_IP, IP_TTL, ec) == 64 && !ec);
    CHECK(!all.get<short>(IPPROTO_IP, IP_TTL, ec));
    CHECK_EC(ec, EMSGSIZE);
    CHECK(!all.get<int>(IPPROTO_IP, IP_TOS, ec));
    CHECK_EC(ec, ENOMSG);

    /* Its header says more than there is. */
    anc::control_messages cut(memory + 1, ANC_LEN(2));
    CHECK(cut.begin()->is_cut() && cut.begin()->size() == 2 && !cut.begin()->get<short>());
}

TEST(a_range_ends_before_a_length_that_can_not_be)
{
    alignas(cmsghdr) unsigned char memory[2 * ANC_SPACE(4)];
    anc::control_builder b{memory};
    b.put_value(IPPROTO_IP, IP_TTL, 1).put_value(IPPROTO_IP, IP_TTL, 2);
    std::size_t bad = 3;
    memcpy(memory + ANC_SPACE(4), &bad, sizeof bad);
    anc::control_messages all = b.messages();
    CHECK_INT(std::distance(all.begin(), all.end()), 1);
    errno = 4242;
    CHECK_EC(all.check(), EBADMSG);
    CHECK_INT(errno, 4242);
    CHECK_EC(anc::control_messages(nullptr, 100).check(), EFAULT);
    CHECK_NO(anc::control_messages(nullptr, 0).check());
    std::error_code ec;
    msghdr msg = msghdr();
    msg.msg_control = memory;
    msg.msg_controllen = sizeof memory;
    CHECK(anc::decode(msg, ec).ttl().has_value());
    CHECK_EC(ec, EBADMSG);
}

TEST(iterators_are_compared_copied_and_advanced)
{
    alignas(cmsghdr) unsigned char memory[2 * ANC_SPACE(4)];
    anc::control_builder b{memory};
    b.put_value(IPPROTO_IP, IP_TTL, 1).put_value(IPPROTO_IP, IP_TTL, 2);
    anc::control_messages::iterator i = b.begin(), first = i++;
    CHECK(first == b.begin() && i != first && *i->get<int>() == 2 && *first->get<int>() == 1 && i != b.end());
    CHECK(++i == b.end() && i == anc::control_messages::iterator());
    CHECK_INT(std::count_if(b.begin(), b.end(), [](const anc::control_message &m) { return m.get<int>().value_or(0) == 2; }), 1);
}

TEST(a_whole_message_says_what_came_and_gives_up_what_is_taken)
{
    sockets s(SOCK_SEQPACKET);
    option(s.b.get(), SO_PASSCRED, 1);
    std::error_code ec;
    anc::unique_fd sent = new_owner();
    int before = open_descriptors();
    {
        anc::whole_message<> m;
        char buf[4];
        CHECK_INT(anc::send_fds(s.a, std::string("ab"), {sent.get(), sent.get()}, ec), 2);
        CHECK_INT(m.recv(s.b, buf, ec), 2);
        CHECK_NO(ec);
        CHECK_NO(m.truncation_cause());
        anc::info i = m.decode(ec);
        CHECK(!ec && i.fds() == 2 && i.has(ANC_RIGHTS | ANC_CREDENTIALS) && !i.has(ANC_RIGHTS | ANC_TTL) && !i.is_cut(ANC_RIGHTS));
        CHECK(i.sender() && i.sender()->pid == getpid() && i.sender()->uid == getuid() && i.sender()->gid == getgid());
        CHECK(!i.ttl() && !i.tos() && !i.time() && !i.dest() && !i.error() && i.offender() == nullptr && !i.label() && i.others() == 0);
        CHECK_INT(std::distance(m.messages().begin(), m.messages().end()), 2);
        anc::unique_fd one[1];
        CHECK_INT(m.take_fds(one, ec, ANC_TRIM), 1);
        CHECK(!ec && one[0] && is_cloexec(one[0].get()) && same_file(one[0].get(), sent.get()));
        CHECK_INT(open_descriptors(), before + 1);
        CHECK_INT(m.decode(ec).fds(), 0);

        /* What nobody takes is closed with the next message, and at the end. */
        CHECK_INT(anc::send_fds(s.a, std::string("longer than the buffer"), {sent.get()}, ec), 22);
        CHECK_INT(m.recv(s.b, buf, ec), 4);
        CHECK((m.flags() & MSG_TRUNC) != 0 && m.decode(ec).fds() == 1);
        CHECK_INT(open_descriptors(), before + 2);
        CHECK_INT(anc::send_fds(s.a, std::string("x"), {sent.get(), sent.get(), sent.get()}, ec), 1);
        CHECK_INT(m.recv(s.b, buf, ec), 1);
        CHECK_INT(open_descriptors(), before + 1 + 3);
        anc::fd_array<2> two;
        CHECK_INT(m.take_fds(two, ec), 0);
        CHECK_EC(ec, ERANGE);
        CHECK_INT(open_descriptors(), before + 1);
        CHECK_INT(anc::send_fds(s.a, std::string("x"), {sent.get()}, ec), 1);
        CHECK_INT(m.recv(s.b, buf, ec), 1);
        CHECK_INT(m.recv(s.b, buf, ec, MSG_DONTWAIT), 0);
        CHECK_EC(ec, EAGAIN);
        CHECK_INT(m.decode(ec).fds(), 0);
        CHECK_INT(open_descriptors(), before + 1);
        CHECK_INT(anc::send_fds(s.a, std::string("x"), {sent.get()}, ec), 1);
        CHECK_INT(m.recv(s.b, buf, ec), 1);
        CHECK(!m.take_pidfd(ec));
        CHECK_EC(ec, ENOMSG);
    }
    CHECK_INT(open_descriptors(), before);
}

TEST(a_control_buffer_that_is_too_small_is_told)
{
    sockets s(SOCK_DGRAM);
    std::error_code ec;
    anc::unique_fd sent = new_owner();
    anc::whole_message<ANC_FDS_SPACE(2)> m;
    char c;
    CHECK_INT(anc::send_fds(s.a, std::string("x"), {sent.get(), sent.get(), sent.get()}, ec), 1);
    CHECK_INT(m.recv(s.b, anc::mutable_buffer(&c, 1), ec), 1);
    CHECK((m.flags() & MSG_CTRUNC) != 0);
    CHECK_EC(m.truncation_cause(), ENOBUFS);
    CHECK_INT(m.decode(ec).fds(), 2);
    anc::fd_array<3> three;
    CHECK(m.take_fds(three, ec) == 2 && three.size() == 2 && !ec);
}

TEST(a_senders_address_is_told)
{
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    anc::unique_fd owner(sock);
    std::error_code ec;
    sockaddr_in here = sockaddr_in();
    socklen_t len = sizeof here;
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(sock, reinterpret_cast<sockaddr *>(&here), len) == 0);
    CHECK(getsockname(sock, reinterpret_cast<sockaddr *>(&here), &len) == 0);
    CHECK_INT(anc::want(owner, ANC_DEST | ANC_TTL | ANC_TIME, 0, ec), 0);
    CHECK_NO(ec);
    CHECK((anc::wanted(owner, ec) & (ANC_DEST | ANC_TTL | ANC_TIME)) == (ANC_DEST | ANC_TTL | ANC_TIME));
    unsigned char memory[ANC_SPACE(4)];
    anc::control_builder b{memory};
    iovec part = {const_cast<char *>("xy"), 2};
    msghdr msg = msghdr();
    CHECK(b.put_ttl(AF_INET, 42).finish(msg, ec));
    msg.msg_name = &here;
    msg.msg_namelen = len;
    msg.msg_iov = &part;
    msg.msg_iovlen = 1;
    CHECK_INT(anc::sendmsg(owner, msg, ec), 2);
    anc::whole_message<512> m;
    char buf[8];
    iovec parts[2] = {{buf, 1}, {buf + 1, 7}};
    CHECK_INT(m.recv(owner, parts, ec), 2);
    CHECK(m.from_len() == len && memcmp(m.from(), &here, len) == 0 && memcmp(buf, "xy", 2) == 0);
    anc::info i = m.decode(ec);
    CHECK(i.ttl() && *i.ttl() == 42 && i.dest() && i.dest()->family == AF_INET && i.time() && i.time()->sec > 0);
    CHECK_INT(anc::want(owner, 0, ANC_TTL | ANC_RIGHTS, ec), 0);
    anc::want(owner, ANC_TLS_RECORD, 0, ec);
    CHECK(ec == std::errc::no_protocol_option);
}

TEST(a_scope_closes_what_nobody_takes_of_a_foreign_message)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd sent = new_owner();
    int before = open_descriptors();
    CHECK_INT(anc::send_fds(s.a, std::string("x"), {sent.get(), sent.get()}, ec), 1);
    {
        char c;
        iovec part = {&c, 1};
        alignas(cmsghdr) unsigned char control[ANC_CONTROL_MAX];
        msghdr msg = msghdr();
        msg.msg_iov = &part;
        msg.msg_iovlen = 1;
        msg.msg_control = control;
        msg.msg_controllen = sizeof control;
        anc::close_unclaimed at_the_end(msg);
        CHECK_INT(anc::recvmsg(s.b, msg, ec), 1);
        CHECK_INT(open_descriptors(), before + 2);
    }
    CHECK_INT(open_descriptors(), before);
}

/* Each fact of anc_info has its accessor: only the one whose bit is set tells something. */
TEST(a_fact_is_there_or_not)
{
    alignas(cmsghdr) unsigned char memory[256];
    anc::control_builder b{memory};
    std::uint32_t drops = 7;
    b.put(SOL_SOCKET, 4711, anc::const_buffer(&drops, 4)).put_tos(AF_INET, 3);
    reinterpret_cast<cmsghdr *>(memory)->cmsg_type = SO_RXQ_OVFL; /* which is not for sending */
    msghdr msg = msghdr();
    std::error_code ec;
    CHECK(b.finish(msg, ec));
    anc::info i = anc::decode(msg, ec);
    CHECK_NO(ec);
    CHECK(*i.drops() == 7 && *i.tos() == 3 && i.raw().drops == 7);
    CHECK(!i.ttl() && !i.segment() && !i.mark() && !i.priority() && !i.inq() && !i.tls_record() && !i.fragsize() && !i.flowinfo());
    CHECK(!i.vlan_tci() && !i.vlan_tpid() && !i.time_id() && !i.time_ifindex() && !i.time_len() && !i.software() && !i.hardware());
    CHECK(!i.original() && !i.pidfd() && !i.sender() && i.fds() == 0);
    msg.msg_control = nullptr;
    msg.msg_controllen = 0;
    CHECK(i.decode(msg, ec) && !i.drops() && !i.tos());
}

TEST(a_queue_deals_in_order_and_owns_the_rest)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd a = new_owner(), b = new_owner();
    int before = open_descriptors();
    {
        anc::fd_queue<4> q;
        char buf[2];
        iovec parts[2] = {{buf, 1}, {buf + 1, 1}};
        CHECK(q.empty() && q.capacity() == 4 && !q.take(ec));
        CHECK_EC(ec, ENOMSG);
        CHECK_INT(anc::send_fds(s.a, std::string("x"), {a.get(), b.get()}, ec), 1);
        CHECK_INT(q.recv(s.b, buf, 4, ec), 1);
        CHECK_INT(anc::send_fds(s.a, std::string("x"), {a.get(), b.get()}, ec), 1);
        CHECK_INT(q.recv(s.b, parts, 2, ec), 1);
        CHECK(!ec && q.size() == 4);
        CHECK_INT(q.recv(s.b, parts, 2, ec, ANC_DONTWAIT), 0);
        CHECK_EC(ec, ENOBUFS);
        anc::unique_fd first = q.take(ec), two[2] = {new_owner(), anc::unique_fd()};
        CHECK(!ec && same_file(first.get(), a.get()) && q.size() == 3);
        CHECK(q.take(two, ec) && same_file(two[0].get(), b.get()) && same_file(two[1].get(), a.get()) && q.size() == 1);
        CHECK(!q.take(two, ec) && q.size() == 1 && !two[0] && !two[1]);
        CHECK_EC(ec, ENOMSG);
        CHECK_INT(open_descriptors(), before + 2);
    }
    CHECK_INT(open_descriptors(), before);
}

TEST(a_peer_is_told_and_asked_about)
{
    sockets s;
    std::error_code ec;
    anc::peer_info p = anc::peer(s.a, ec, ANC_PEER_PIDFD);
    CHECK_NO(ec);
    CHECK(p.who && p.who->pid == getpid() && p.who->uid == getuid());
    if (p.pidfd) {
        CHECK(is_cloexec(p.pidfd.get()) && anc::pidfd_matches(p.pidfd, getpid(), ec) && !ec);
        CHECK(!anc::pidfd_matches(p.pidfd, getpid() + 1, ec) && !ec);
    }
    CHECK(!anc::pidfd_matches(s.a, getpid(), ec));
    CHECK_EC(ec, EBADF);
    p = anc::peer(-1, ec);
    CHECK(!p.who && !p.pidfd);
    CHECK_EC(ec, EBADF);
    gid_t groups[256];
    std::size_t n = anc::peer_groups(s.a, groups, 256, ec);
    CHECK(!ec && n == static_cast<std::size_t>(getgroups(0, nullptr)));
    char label[8] = "x";
    n = anc::peer_label(s.a, label, sizeof label, ec);
    CHECK(ec || label[n] == '\0');
    std::uint32_t token[8];
    CHECK(anc::peer_token(s.a, token, ec) == !ec);
    if (ec)
        CHECK_EC(ec, ENOPROTOOPT);
}

TEST(a_descriptor_is_described_and_required)
{
    std::error_code ec;
    anc::unique_fd event = new_owner();
    sockets s(SOCK_SEQPACKET);
    anc_fd_info i = anc::fd_describe(s.a, ec);
    CHECK(!ec && i.kind == ANC_FD_SOCKET && i.domain == AF_UNIX && i.type == SOCK_SEQPACKET);
    CHECK(anc::fd_require(s.a, ANC_FD_SOCKET, ANC_FD_READ, 0, ec) && !ec);
    CHECK(!anc::fd_require(event, ANC_FD_SOCKET, 0, 0, ec));
    CHECK_EC(ec, EPERM);
    i = anc::fd_describe(-1, ec);
    CHECK(i.kind == 0);
    CHECK_EC(ec, EBADF);
    if (!anc::refuse_fds(s.b, ec)) {
        CHECK_EC(ec, ENOPROTOOPT);
        skip("Linux before 6.16");
    }
    CHECK(!anc::send_fd(s.a, event, ec));
    CHECK_EC(ec, EPERM);
    CHECK(!anc::want_timestamping(s.a, 1, ec) && ec);
}
