/* Descriptors there and back: from every kind of container, into every kind, and what errors leave. */
#include "harness.hpp"

#if __cplusplus >= 202002L && __has_include(<span>)
#include <span>
#endif

static std::size_t ints_open(const std::vector<int> &fds)
{
    std::size_t n = 0;
    for (int fd : fds)
        n += is_open(fd) != 0;
    return n;
}

TEST(one_descriptor_goes_and_comes)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd fd = new_owner();
    CHECK(anc::send_fd(s.a, fd, ec) && fd);
    CHECK_NO(ec);
    anc::unique_fd back = anc::recv_fd(s.b, ec);
    CHECK_NO(ec);
    CHECK(back && back != fd && is_cloexec(back.get()) && same_file(back.get(), fd.get()));
    CHECK(anc::send_fd(s.a, std::move(fd), ec) && !fd);
    back = anc::recv_fd(s.b.get(), ec);
    CHECK(back && !ec);
    CHECK(!anc::send_fd(s.a, back, ec, ANC_MOVE) && back);
    CHECK_EC(ec, EINVAL);
    back = anc::recv_fd(s.b, ec, ANC_DONTWAIT);
    CHECK(!back);
    CHECK_EC(ec, EAGAIN);
    CHECK(ec == std::errc::resource_unavailable_try_again);
    s.a.reset();
    CHECK(!anc::recv_fd(s.b, ec));
    CHECK_EC(ec, EPIPE);
}

TEST(the_error_is_cleared_by_success)
{
    sockets s;
    std::error_code ec = std::make_error_code(std::errc::io_error);
    errno = 4242;
    CHECK_INT(anc::send_fds(s.a, std::string("x"), anc::fd_view(), ec), 1);
    CHECK_NO(ec);
    ec = std::make_error_code(std::errc::io_error);
    char c;
    anc::fd_array<1> none;
    CHECK_INT(anc::recv_fds(s.b, anc::mutable_buffer(&c, 1), none, ec).bytes, 1);
    CHECK_NO(ec);
    CHECK_INT(errno, 4242);
}

/* Each way to name bytes, and each way to name two descriptors. */
TEST(bytes_and_descriptors_come_from_every_container)
{
    int raw[2];
    new_descriptors(raw, 2);
    anc::unique_fd owned[2] = {new_owner(), new_owner()};
    std::vector<anc::unique_fd> owners;
    owners.push_back(new_owner());
    owners.push_back(new_owner());
    const std::vector<int> numbers(raw, raw + 2);
    const std::array<int, 2> array = {{raw[0], raw[1]}};
    anc::fd_array<5> in_place;
    CHECK(in_place.push_back(new_owner()) && in_place.push_back(new_owner()));
    const unsigned char text[3] = {'a', 'b', 'c'};
    char writable[3] = {'a', 'b', 'c'};
    const std::vector<unsigned char> bytes(text, text + 3);
    const std::array<signed char, 3> small = {{'a', 'b', 'c'}};
    iovec parts[2] = {{writable, 1}, {writable + 1, 2}};
    const std::vector<iovec> more_parts(parts, parts + 2);
    const std::error_code was = std::make_error_code(std::errc::io_error);

    for (int way = 0; way < 13; way++) {
        sockets s;
        std::error_code ec = was;
        std::size_t n = 0;
        const int *sent = raw;
        switch (way) {
        case 0: n = anc::send_fds(s.a, std::string("abc"), raw, ec); break;
        case 1: n = anc::send_fds(s.a, text, {raw[0], raw[1]}, ec); break;
        case 2: n = anc::send_fds(s.a, writable, numbers, ec); break;
        case 3: n = anc::send_fds(s.a, bytes, array, ec); break;
        case 4: n = anc::send_fds(s.a, small, anc::fd_view(raw, 2), ec); break;
        case 5: n = anc::send_fds(s.a, parts, {raw[0], raw[1]}, ec); break;
        case 6: n = anc::send_fds(s.a, more_parts, raw, ec); break;
        case 7: n = anc::send_fds(s.a, anc::buffers(parts, 2), array, ec); break;
        case 8: n = anc::send_fds(s.a, anc::const_buffer("abc", 3), owned, ec); sent = nullptr; break;
        case 9: n = anc::send_fds(s.a, bytes, owners, ec); sent = nullptr; break;
        case 10: n = anc::send_fds(s.a, bytes, in_place, ec); sent = nullptr; break;
        case 11: n = anc::send_fds(s.a, anc::mutable_buffer(writable), owners, ec); sent = nullptr; break;
        case 12:
#if __cplusplus >= 202002L && __has_include(<span>)
            n = anc::send_fds(s.a, std::as_bytes(std::span<char>(writable)), std::span<const int>(raw), ec);
#else
            n = anc::send_fds(s.a, anc::const_buffer(writable, 3), raw, ec);
#endif
            break;
        }
        CHECK_NO(ec);
        CHECK_INT(n, 3);
        char buf[8];
        anc::fd_array<4> got;
        anc::received r = anc::recv_fds(s.b, buf, got, ec);
        CHECK_NO(ec);
        CHECK(r.bytes == 3 && r.fds == 2 && got.size() == 2 && memcmp(buf, "abc", 3) == 0 && !r.nothing());
        if (sent != nullptr)
            CHECK(same_file(got[0], sent[0]) && same_file(got[1], sent[1]));
    }
    close(raw[0]);
    close(raw[1]);
}

static bool has_come(const char *bytes, const anc::received &r) { return r.bytes == 3 && r.fds == 2 && memcmp(bytes, "abc", 3) == 0; }

TEST(bytes_and_descriptors_go_into_every_container)
{
    anc::unique_fd sent[2] = {new_owner(), new_owner()};
    std::array<char, 8> array;
    std::vector<char> vector(8);
    char plain[8];
    iovec parts[2] = {{plain, 1}, {plain + 1, 7}};
    for (int way = 0; way < 9; way++) {
        sockets s;
        std::error_code ec = std::make_error_code(std::errc::io_error);
        anc::fd_array<4> in_place;
        anc::unique_fd slots[4];
        std::array<anc::unique_fd, 4> slot_array;
        std::vector<anc::unique_fd> owners;
        anc::received r = {0, 0};
        const int *fds = in_place.data();
        const char *bytes = plain;
        CHECK(in_place.push_back(new_owner()));
        slots[0] = new_owner();
        slots[3] = new_owner();
        slot_array[2] = new_owner();
        owners.push_back(new_owner());
        int old = way == 0 ? in_place[0] : slots[3].get();
        CHECK_INT(anc::send_fds(s.a, std::string("abc"), sent, ec), 3);
        switch (way) {
        case 0: r = anc::recv_fds(s.b, plain, in_place, ec); break;
        case 1: r = anc::recv_fds(s.b, parts, in_place, ec); break;
        case 2: r = anc::recv_fds(s.b, array, slots, ec), bytes = array.data(), fds = nullptr; break;
        case 3: r = anc::recv_fds(s.b, parts, slots, ec), fds = nullptr; break;
        case 4: r = anc::recv_fds(s.b, vector, owners, 4, ec), bytes = vector.data(), fds = nullptr; break;
        case 5: r = anc::recv_fds(s.b, parts, owners, 4, ec), fds = nullptr; break;
        case 6: r = anc::recv_fds(s.b, anc::mutable_buffer(plain, 8), slot_array, ec), fds = nullptr; break;
        case 7: r = anc::recv_fds(s.b, plain, anc::fd_slots(slots, 2), ec), fds = nullptr; break;
        case 8:
#if __cplusplus >= 202002L && __has_include(<span>)
            r = anc::recv_fds(s.b, std::span<char>(plain), std::span<anc::unique_fd>(slots), ec), fds = nullptr;
#else
            r = anc::recv_fds(s.b, plain, slots, ec), fds = nullptr;
#endif
            break;
        }
        CHECK_NO(ec);
        CHECK(has_come(bytes, r));
        if (fds != nullptr) {
            CHECK(in_place.size() == 2 && same_file(fds[0], sent[0].get()) && same_file(fds[1], sent[1].get()));
        } else if (way == 4 || way == 5) {
            CHECK(owners.size() == 2 && same_file(owners[1].get(), sent[1].get()));
        } else if (way == 6) {
            CHECK(same_file(slot_array[0].get(), sent[0].get()) && slot_array[1] && !slot_array[2] && !slot_array[3]);
        } else {
            CHECK(same_file(slots[0].get(), sent[0].get()) && same_file(slots[1].get(), sent[1].get()));
            CHECK(!slots[2] && (way == 7 ? slots[3].get() == old : !slots[3]));
        }
    }
}

TEST(moved_descriptors_are_closed_here_once_they_have_gone)
{
    sockets s;
    std::error_code ec;
    iovec part = {const_cast<char *>("x"), 1};
    for (int way = 0; way < 4; way++) {
        anc::unique_fd fd = new_owner();
        anc::fd_array<2> two;
        CHECK(two.push_back(new_owner()) && two.push_back(new_owner()));
        std::vector<int> numbers(two.begin(), two.end());
        numbers.push_back(fd.get());
        switch (way) {
        case 0: CHECK_INT(anc::send_fds(s.a, std::string("x"), std::move(fd), ec), 1); break;
        case 1: CHECK_INT(anc::send_fds(s.a, anc::buffers(&part, 1), std::move(fd), ec, ANC_MOVE), 1); break;
        case 2: CHECK_INT(anc::send_fds(s.a, std::string("x"), std::move(two), ec), 1); break;
        case 3: CHECK_INT(anc::send_fds(s.a, anc::buffers(&part, 1), std::move(two), ec, ANC_ALL), 1); break;
        }
        CHECK_NO(ec);
        CHECK(way < 2 ? !fd && two.size() == 2 : fd && two.empty());
        CHECK_INT(ints_open(numbers), way < 2 ? 2 : 1);
        char c;
        anc::fd_array<2> got;
        CHECK_INT(anc::recv_fds(s.b, anc::mutable_buffer(&c, 1), got, ec).fds, way < 2 ? 1 : 2);
    }
}

TEST(moved_descriptors_that_have_not_gone_are_still_owned)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd fd = new_owner();
    anc::fd_array<2> two;
    CHECK(two.push_back(new_owner()) && two.push_back(new_owner()));
    s.b.reset();
    CHECK_INT(anc::send_fds(s.a, std::string("x"), std::move(fd), ec), 0);
    CHECK_EC(ec, EPIPE);
    CHECK(fd && is_open(fd.get()));
    CHECK_INT(anc::send_fds(s.a, std::string("x"), std::move(two), ec), 0);
    CHECK_EC(ec, EPIPE);
    CHECK(two.size() == 2 && is_open(two[0]) && is_open(two[1]));
    CHECK(!anc::send_fd(s.a, std::move(fd), ec) && fd);
    CHECK_EC(ec, EPIPE);
}

TEST(what_is_only_borrowed_is_not_moved)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd fd = new_owner();
    int number = fd.get();
    CHECK_INT(anc::send_fds(s.a, std::string("x"), fd, ec, ANC_MOVE), 0);
    CHECK_EC(ec, EINVAL);
    CHECK_INT(anc::send_fds(s.a, std::string("x"), {number}, ec, ANC_MOVE), 0);
    CHECK_EC(ec, EINVAL);
    CHECK(is_open(number));
    EXPECT_NOTHING(s.b.get());
}

TEST(nothing_but_bytes_needs_no_descriptors)
{
    sockets s;
    std::error_code ec;
    char c;
    anc::fd_slots none;
    CHECK_INT(anc::send_fds(s.a, std::string("x"), {}, ec), 1);
    anc::received r = anc::recv_fds(s.b, anc::mutable_buffer(&c, 1), none, ec);
    CHECK(!ec && r.bytes == 1 && r.fds == 0);
    s.a.reset();
    r = anc::recv_fds(s.b, anc::mutable_buffer(&c, 1), none, ec);
    CHECK(!ec && r.nothing());
}

TEST(an_error_leaves_every_container_empty_and_nothing_open)
{
    std::error_code ec;
    int before = open_descriptors();
    for (int way = 0; way < 3; way++) {
        sockets s;
        anc::fd_array<2> three_for_two;
        anc::unique_fd slots[2] = {new_owner(), new_owner()};
        std::vector<anc::unique_fd> owners;
        owners.push_back(new_owner());
        CHECK(three_for_two.push_back(new_owner()));
        anc::unique_fd sent = new_owner();
        CHECK_INT(anc::send_fds(s.a, std::string("x"), {sent.get(), sent.get(), sent.get()}, ec), 1);
        char c;
        anc::mutable_buffer buf(&c, 1);
        anc::received r = way == 0   ? anc::recv_fds(s.b, buf, three_for_two, ec)
                          : way == 1 ? anc::recv_fds(s.b, buf, slots, ec)
                                     : anc::recv_fds(s.b, buf, owners, 2, ec);
        CHECK_EC(ec, ERANGE);
        CHECK(r.nothing());
        CHECK(way != 0 || three_for_two.empty());
        CHECK(way != 1 || (!slots[0] && !slots[1]));
        CHECK(way != 2 || owners.empty());
    }
    CHECK_INT(open_descriptors(), before);
}

TEST(flags_reach_the_library)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd sent = new_owner();
    char c;
    anc::mutable_buffer buf(&c, 1);
    anc::fd_array<2> two;
    anc::unique_fd one[1];
    std::vector<anc::unique_fd> owners;
    CHECK_INT(anc::send_fds(s.a, std::string("xyz"), {sent.get(), sent.get()}, ec), 3);
    CHECK(anc::recv_fds(s.b, buf, one, ec, ANC_TRIM).fds == 1 && !ec && one[0]);
    CHECK(anc::recv_fds(s.b, buf, two, ec, ANC_EXACT).nothing());
    CHECK_EC(ec, ENOMSG);
    CHECK(anc::recv_fds(s.b, buf, owners, 1, ec, 1u << 31).nothing());
    CHECK_EC(ec, EINVAL);
    CHECK(anc::recv_fds(s.b, buf, owners, ANC_FDS_MAX + 1, ec).nothing());
    CHECK_EC(ec, EINVAL);
    EXPECT(s.b.get(), "z", nullptr, 0);
    CHECK(anc::recv_fds(s.b, buf, owners, 1, ec, ANC_DONTWAIT).nothing());
    CHECK_EC(ec, EAGAIN);
}

TEST(as_many_as_one_message_can_carry_come_into_a_vector)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd sent = new_owner();
    std::vector<int> numbers(ANC_FDS_MAX, sent.get());
    std::vector<anc::unique_fd> owners;
    char c;
    CHECK_INT(anc::send_fds(s.a, std::string("x"), numbers, ec), 1);
    CHECK_INT(anc::recv_fds(s.b, anc::mutable_buffer(&c, 1), owners, ANC_FDS_MAX, ec).fds, ANC_FDS_MAX);
    CHECK(owners.size() == ANC_FDS_MAX && is_open(owners[0].get()) && is_open(owners[ANC_FDS_MAX - 1].get()));
}

TEST(too_many_buffers_are_refused_not_forgotten)
{
    sockets s;
    std::error_code ec;
    std::vector<iovec> parts(1025);
    CHECK_INT(anc::send_fds(s.a, parts, {}, ec), 0);
    CHECK_EC(ec, EINVAL);
    CHECK_INT(anc::buffers(parts.data(), static_cast<std::size_t>(-1)).count(), 1025);
}

/* Cancellation: a thread waits for the second part of a message of which the first, with descriptors,
 * has come; it is unwound through the owners, which are not to close what is closed already. */

struct waiting {
    int sock, way;
    int later[2];
};

/* Takes the two lowest free numbers while the stack is unwound, before the owners that were there first. */
struct opens_at_the_end {
    waiting *w;
    ~opens_at_the_end() { new_descriptors(w->later, 2); }
};

static void *wait_for_the_rest(void *arg)
{
    waiting *w = static_cast<waiting *>(arg);
    std::error_code ec;
    char buf[2];
    anc::mutable_buffer both(buf, 2);
    anc::fd_array<2> array;
    anc::unique_fd slots[2];
    std::vector<anc::unique_fd> owners;
    anc::fd_queue<2> queue;
    anc::whole_message<> message;
    anc::fd_array<2> moved;
    opens_at_the_end last = {w};
    switch (w->way) {
    case 0: (void)anc::recv_fds(w->sock, both, array, ec, ANC_ALL).bytes; break;
    case 1: (void)anc::recv_fds(w->sock, both, slots, ec, ANC_ALL).bytes; break;
    case 2: (void)anc::recv_fds(w->sock, both, owners, 2, ec, ANC_ALL).bytes; break;
    case 3: queue.recv(w->sock, both, 2, ec, ANC_ALL); break;
    case 4: message.recv(w->sock, both, ec, MSG_WAITALL); break;
    case 5: {
        static const std::vector<char> large(1 << 20);
        CHECK(moved.push_back(new_owner()) && moved.push_back(new_owner()));
        anc::send_fds(w->sock, large, std::move(moved), ec, ANC_ALL);
        break;
    }
    }
    return nullptr;
}

static void cancel_in(int way)
{
    sockets s;
    std::error_code ec;
    anc::unique_fd sent = new_owner();
    if (way != 5)
        CHECK_INT(anc::send_fds(s.a, std::string("x"), {sent.get(), sent.get()}, ec), 1);
    int before = open_descriptors(), free_number = lowest_free();
    waiting w = {s.b.get(), way, {-1, -1}};
    pthread_t thread;
    CHECK(pthread_create(&thread, nullptr, wait_for_the_rest, &w) == 0);
    /* Until the first part has been taken. */
    if (way == 5) {
        char c;
        anc::fd_array<2> got;
        CHECK_INT(anc::recv_fds(s.a, anc::mutable_buffer(&c, 1), got, ec).fds, 2);
    } else {
        pollfd p = {s.b.get(), POLLIN, 0};
        for (p.revents = POLLIN; way != 4 && poll(&p, 1, 0) == 1;)
            ;
    }
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, nullptr) == 0);
    CHECK(is_open(w.later[0]) && is_open(w.later[1]));
    anc_close_fds(w.later, 2);
    CHECK_INT(open_descriptors(), before);
    CHECK_INT(lowest_free(), free_number);
}

TEST(a_cancelled_thread_unwinds_its_owners_and_leaks_nothing)
{
    if (ON_ASAN)
        skip("a cancelled thread's stack is unwound behind the sanitizer's back");
#if !defined(__cpp_exceptions)
    skip("without exceptions a cancelled thread unwinds no owner");
#endif
    for (int way = 0; way < 6; way++)
        for (int i = 0; i < 20; i++)
            cancel_in(way);
}
