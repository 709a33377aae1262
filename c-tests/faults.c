/* What the kernel, or whoever stands in for it, may do at its worst: after each call every
 * descriptor has exactly one owner. */
#include "interpose.h"

static const int errnos[] = {
    0, EPERM, ENOENT, EINTR, EIO, EBADF, EAGAIN, ENOMEM, EACCES, EFAULT, EINVAL, ENFILE, EMFILE,
    ENOTTY, ENOSPC, EPIPE, ERANGE, EDEADLK, ENOSYS, ENOMSG, EPROTO, EOVERFLOW, EBADMSG, ENOTSOCK,
    EDESTADDRREQ, EMSGSIZE, EPROTOTYPE, ENOPROTOOPT, EOPNOTSUPP, ENETDOWN, ENETUNREACH, ENETRESET,
    ECONNABORTED, ECONNRESET, ENOBUFS, EISCONN, ENOTCONN, ESHUTDOWN, ETOOMANYREFS, ETIMEDOUT,
    ECONNREFUSED, ECANCELED, 512, 513, 4095, INT_MAX, -1, INT_MIN,
};
enum { ERRNOS = sizeof errnos / sizeof *errnos };

/* What a caller sees of it: a recvmmsg that was interrupted leaves 512 on the socket. */
static int seen_as(int error)
{
    return error == 512 ? EINTR : error;
}

static int is_interruption(int error)
{
    return error == EINTR || error == 512;
}

static void plan_fault(int i, enum call call, int first, int last, int error)
{
    struct fault fault = {call, first, last, error};
    world.faults[i] = fault;
}

/* The kinds of call. */

enum { PARTS = 4, LENGTH = 8 };

/* A buffer in PARTS parts. */
static void split(struct iovec *iov, void *buf)
{
    int i;
    for (i = 0; i < PARTS; i++) {
        iov[i].iov_base = (char *)buf + i * LENGTH / PARTS;
        iov[i].iov_len = LENGTH / PARTS;
    }
}

struct sender {
    const char *name;
    unsigned int flags;
    int bytes, fds, result;
    ssize_t (*call)(int sock, const int *fds, size_t nfds, unsigned int flags);
};

static const char text[LENGTH + 1] = "abcdefgh";

static ssize_t send_plain(int sock, const int *fds, size_t nfds, unsigned int flags)
{
    return anc_send_fds(sock, text, LENGTH, fds, nfds, flags);
}

static ssize_t send_parts(int sock, const int *fds, size_t nfds, unsigned int flags)
{
    struct iovec iov[PARTS];
    split(iov, (void *)(uintptr_t)text);
    return anc_sendv_fds(sock, iov, PARTS, fds, nfds, flags);
}

static ssize_t send_single(int sock, const int *fds, size_t nfds, unsigned int flags)
{
    (void)nfds;
    return anc_send_fd(sock, fds[0], flags);
}

static const struct sender senders[] = {
    {"anc_send_fds", 0, LENGTH, 3, LENGTH, send_plain},
    {"anc_send_fds, no descriptors", 0, LENGTH, 0, LENGTH, send_plain},
    {"anc_send_fds DONTWAIT", ANC_DONTWAIT, LENGTH, 3, LENGTH, send_plain},
    {"anc_send_fds MOVE", ANC_MOVE, LENGTH, 3, LENGTH, send_plain},
    {"anc_send_fds ALL", ANC_ALL, LENGTH, 3, LENGTH, send_plain},
    {"anc_send_fds ALL MOVE", ANC_ALL | ANC_MOVE, LENGTH, 3, LENGTH, send_plain},
    {"anc_sendv_fds", 0, LENGTH, 3, LENGTH, send_parts},
    {"anc_sendv_fds MOVE", ANC_MOVE, LENGTH, 3, LENGTH, send_parts},
    {"anc_sendv_fds ALL", ANC_ALL, LENGTH, 3, LENGTH, send_parts},
    {"anc_sendv_fds ALL MOVE", ANC_ALL | ANC_MOVE, LENGTH, 3, LENGTH, send_parts},
    {"anc_send_fd", 0, 1, 1, 0, send_single},
    {"anc_send_fd MOVE", ANC_MOVE, 1, 1, 0, send_single},
};
enum { SENDERS = sizeof senders / sizeof *senders };

struct receiver {
    const char *name;
    unsigned int flags;
    int bytes, max_fds;
    ssize_t (*call)(int sock, char *buf, int *fds, size_t max_fds, size_t *nfds,
                    unsigned int flags);
};

static ssize_t recv_plain(int sock, char *buf, int *fds, size_t max_fds, size_t *nfds,
                          unsigned int flags)
{
    return anc_recv_fds(sock, buf, LENGTH, fds, max_fds, nfds, flags);
}

static ssize_t recv_parts(int sock, char *buf, int *fds, size_t max_fds, size_t *nfds,
                          unsigned int flags)
{
    struct iovec iov[PARTS];
    split(iov, buf);
    return anc_recvv_fds(sock, iov, PARTS, fds, max_fds, nfds, flags);
}

static ssize_t recv_single(int sock, char *buf, int *fds, size_t max_fds, size_t *nfds,
                           unsigned int flags)
{
    int fd = anc_recv_fd(sock, flags);
    (void)buf, (void)max_fds;
    *nfds = fd >= 0;
    if (fd < 0)
        return -1;
    fds[0] = fd;
    return 1;
}

static const struct receiver receivers[] = {
    {"anc_recv_fds", 0, LENGTH, 3, recv_plain},
    {"anc_recv_fds, none wanted", ANC_TRIM, LENGTH, 0, recv_plain},
    {"anc_recv_fds DONTWAIT", ANC_DONTWAIT, LENGTH, 3, recv_plain},
    {"anc_recv_fds EXACT", ANC_EXACT, LENGTH, 3, recv_plain},
    {"anc_recv_fds TRIM", ANC_TRIM, LENGTH, 2, recv_plain},
    {"anc_recv_fds ALL", ANC_ALL, LENGTH, 3, recv_plain},
    {"anc_recv_fds ALL EXACT", ANC_ALL | ANC_EXACT, LENGTH, 3, recv_plain},
    {"anc_recv_fds ALL TRIM", ANC_ALL | ANC_TRIM, LENGTH, 2, recv_plain},
    {"anc_recvv_fds", 0, LENGTH, 3, recv_parts},
    {"anc_recvv_fds ALL", ANC_ALL, LENGTH, 3, recv_parts},
    {"anc_recv_fd TRIM", ANC_TRIM, 1, 1, recv_single},
};
enum { RECEIVERS = sizeof receivers / sizeof *receivers };

/* Errors of sendmsg and recvmsg. */

static void expect_nothing_in(int sock)
{
    char byte;
    CHECK_ERRNO(recv(sock, &byte, 1, MSG_DONTWAIT), EAGAIN);
}

/* What has been sent, with real calls outside the library's ledger. */
static size_t collect(int sock, char *buf, size_t len, int *fds)
{
    size_t count = 0, nfds, all = 0;
    ssize_t n;
    while ((n = anc_recv_fds(sock, buf + count, len - count, fds + all, 8, &nfds,
                             ANC_DONTWAIT)) > 0) {
        all += nfds;
        count += (size_t)n;
        if (count == len)
            break;
    }
    expect_nothing_in(sock);
    return all;
}

static void failing_send(const struct sender *s, int error)
{
    int pair[2], fds[3], n = s->fds;
    long long result;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, n);
    new_world();
    plan_fault(0, SENDMSG, 1, 1, error);
    if (s->flags & ANC_MOVE)
        give(fds, n);
    errno = 0;
    result = LIBRARY(s->call(pair[0], fds, (size_t)n, s->flags));
    if (!(s->flags & ANC_ALL) || !is_interruption(error)) {
        static const int one_call[][2] = {{SENDMSG, 1}, {CALLS, 0}};
        CHECK_INT(result, -1);
        CHECK_INT(errno, seen_as(error));
        called(s->name, one_call);
        expect_nothing_in(pair[1]);
        while (n > 0)
            CHECK(close(fds[--n]) == 0);
    } else {
        CHECK_INT(result, s->result);
        CHECK_INT(world.calls[SENDMSG], 2);
        if (!(s->flags & ANC_MOVE))
            anc_close_fds(fds, (size_t)n);
        CHECK_INT(owned_by(GIVEN), 0);
    }
    close_both(pair);
}

TEST(an_error_of_sendmsg_passes_through_and_nothing_has_gone)
{
    int s, e;
    for (s = 0; s < SENDERS; s++)
        for (e = 0; e < ERRNOS; e++)
            failing_send(&senders[s], errnos[e]);
}

static void failing_receive(const struct receiver *r, int error)
{
    int pair[2], sent[3], got[4] = {-7, -7, -7, -7};
    char buf[LENGTH];
    size_t nfds = 99;
    long long result;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(sent, 3);
    CHECK_INT(anc_send_fds(pair[0], text, (size_t)r->bytes, sent, 3, ANC_MOVE), r->bytes);
    new_world();
    plan_fault(0, RECVMSG, 1, 1, error);
    errno = 0;
    result = LIBRARY(r->call(pair[1], buf, got, (size_t)r->max_fds, &nfds, r->flags));
    if (!(r->flags & ANC_ALL) || !is_interruption(error)) {
        CHECK_INT(result, -1);
        CHECK_INT(errno, seen_as(error));
        CHECK_INT(nfds, 0);
        CHECK(got[0] == -7 && got[1] == -7 && got[2] == -7 && got[3] == -7);
        CHECK_INT(world.calls[RECVMSG], 1);
        new_world();
        result = LIBRARY(r->call(pair[1], buf, got, (size_t)r->max_fds, &nfds, r->flags));
    } else {
        CHECK_INT(world.calls[RECVMSG], 2);
    }
    CHECK_INT(result, r->bytes);
    CHECK_INT(nfds, r->max_fds);
    handed_over(got, nfds);
    anc_close_fds(got, nfds);
    close_both(pair);
}

TEST(an_error_of_recvmsg_passes_through_and_the_message_stays)
{
    int r, e;
    for (r = 0; r < RECEIVERS; r++)
        for (e = 0; e < ERRNOS; e++)
            failing_receive(&receivers[r], errnos[e]);
}

/* Error in call number nth of a send whose calls move a byte each. */
static void fails_after_bytes(unsigned int flags, int nth, int error)
{
    int pair[2], fds[2], got[16], sent = nth - 1;
    char buf[LENGTH + 1] = {0};
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, 2);
    new_world();
    world.at_most = 1;
    plan_fault(0, SENDMSG, nth, nth, error);
    if (flags & ANC_MOVE)
        give(fds, 2);
    if (is_interruption(error))
        sent = LENGTH;
    CHECK_INT(LIBRARY(send_parts(pair[0], fds, 2, flags)), sent);
    CHECK_INT(world.with_control, 1);
    CHECK_INT(owned_by(GIVEN), 0);
    CHECK_INT(collect(pair[1], buf, LENGTH, got), 2);
    CHECK(strncmp(buf, text, (size_t)sent) == 0 && buf[sent] == 0);
    anc_close_fds(got, 2);
    if (!(flags & ANC_MOVE))
        anc_close_fds(fds, 2);
    close_both(pair);
}

TEST(an_error_after_the_first_byte_is_a_short_count_of_ANC_ALL)
{
    int e, nth;
    for (e = 0; e < ERRNOS; e++)
        for (nth = 2; nth <= LENGTH; nth++) {
            fails_after_bytes(ANC_ALL, nth, errnos[e]);
            fails_after_bytes(ANC_ALL | ANC_MOVE, nth, errnos[e]);
        }
}

static void receive_fails_after_bytes(int nth, int error)
{
    int pair[2], fds[LENGTH], got[LENGTH], i, count = nth - 1;
    char buf[LENGTH + 1] = {0};
    size_t nfds;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, LENGTH);
    for (i = 0; i < LENGTH; i++)
        CHECK_INT(anc_send_fds(pair[0], &text[i], 1, &fds[i], 1, 0), 1);
    new_world();
    plan_fault(0, RECVMSG, nth, nth, error);
    if (is_interruption(error))
        count = LENGTH;
    CHECK_INT(LIBRARY(recv_parts(pair[1], buf, got, LENGTH, &nfds, ANC_ALL)), count);
    CHECK_INT(nfds, count);
    CHECK(strncmp(buf, text, (size_t)count) == 0);
    handed_over(got, nfds);
    for (i = 0; i < count; i++)
        CHECK(same_file(fds[i], got[i]));
    anc_close_fds(got, nfds);
    CHECK_INT(collect(pair[1], buf, (size_t)(LENGTH - count), got), LENGTH - count);
    anc_close_fds(got, (size_t)(LENGTH - count));
    anc_close_fds(fds, LENGTH);
    close_both(pair);
}

TEST(an_error_after_the_first_part_leaves_what_has_come_to_the_caller_of_ANC_ALL)
{
    int e, nth;
    for (e = 0; e < ERRNOS; e++)
        for (nth = 2; nth <= LENGTH; nth++)
            receive_fails_after_bytes(nth, errnos[e]);
}

/* Every call is interrupted several times before it succeeds. */
static void interrupt_always(enum call call)
{
    if ((call == SENDMSG || call == RECVMSG) && world.calls[call] % 3 != 0)
        plan_fault(0, call, world.calls[call], 0, world.calls[call] % 3 == 1 ? EINTR : 512);
}

TEST(ANC_ALL_goes_on_after_signals_at_every_call)
{
    int pair[2], fds[2], got[8];
    char buf[LENGTH + 1] = {0};
    size_t nfds;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, 2);
    new_world();
    world.at_most = 1;
    world.before = interrupt_always;
    CHECK_INT(LIBRARY(send_parts(pair[0], fds, 2, ANC_ALL)), LENGTH);
    CHECK_INT(world.calls[SENDMSG], 3 * LENGTH);
    CHECK_INT(world.with_control, 1);
    CHECK_INT(LIBRARY(recv_parts(pair[1], buf, got, 8, &nfds, ANC_ALL)), LENGTH);
    CHECK_INT(world.calls[RECVMSG], 3 * LENGTH);
    CHECK(strcmp(buf, text) == 0);
    CHECK_INT(nfds, 2);
    handed_over(got, nfds);
    anc_close_fds(got, nfds);
    anc_close_fds(fds, 2);
    close_both(pair);
}

/* A message is all there is to receive: after it ANC_ALL does not go on. */
static void receives_one_message(int type, unsigned int flags, size_t at_most, int calls)
{
    int pair[2], got[4], i;
    char buf[LENGTH];
    size_t nfds;
    socket_pair(type, pair);
    for (i = 0; i < 2; i++)
        CHECK_INT(anc_send_fd(pair[0], pair[0], 0), 0);
    new_world();
    plan_fault(0, RECVMSG, 1, 2, EINTR);
    world.at_most = at_most;
    if (!(flags & ANC_ALL)) {
        CHECK_ERRNO(LIBRARY(recv_plain(pair[1], buf, got, 4, &nfds, flags)), EINTR);
        CHECK_INT(world.calls[RECVMSG], 1);
        CHECK_ERRNO(LIBRARY(recv_plain(pair[1], buf, got, 4, &nfds, flags)), EINTR);
    }
    CHECK_INT(LIBRARY(recv_plain(pair[1], buf, got, 4, &nfds, flags)), 1);
    CHECK_INT(nfds, 1);
    handed_over(got, 1);
    CHECK_INT(world.calls[RECVMSG], calls);
    close(got[0]);
    CHECK_INT(drain_socket(pair[1]), 1);
    close_both(pair);
}

TEST(ANC_ALL_goes_on_after_signals_until_one_message_has_come)
{
    static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    size_t at_most;
    int t;
    for (t = 0; t < 2; t++)
        for (at_most = 0; at_most <= 1; at_most++) {
            receives_one_message(types[t], ANC_ALL, at_most, 3);
            receives_one_message(types[t], 0, at_most, 3);
        }
}

/* Short counts. */

enum { BYTES = 40 };

/* Buffers of equal size, as far as that goes, every third one preceded by an empty one. */
static int buffers(struct iovec *iov, char *bytes, int parts)
{
    int i, n = 0, at = 0;
    for (i = 0; i < parts; i++) {
        size_t len = (size_t)(BYTES * (i + 1) / parts - at);
        if (i % 3 == 0) {
            iov[n].iov_base = NULL;
            iov[n++].iov_len = 0;
        }
        iov[n].iov_base = bytes + at;
        iov[n++].iov_len = len;
        at += (int)len;
    }
    return n;
}

static void fill(char *bytes)
{
    int i;
    for (i = 0; i < BYTES; i++)
        bytes[i] = (char)('0' + i);
}

static void short_writes(int parts, size_t at_most, const int *fds, size_t nfds)
{
    struct iovec iov[2 * BYTES];
    char out[BYTES], in[BYTES];
    int pair[2], got[8], n, calls;
    size_t came = 99;
    fill(out);
    n = buffers(iov, out, parts);
    socket_pair(SOCK_STREAM, pair);
    new_world();
    world.at_most = at_most;
    CHECK_INT(LIBRARY(anc_sendv_fds(pair[0], iov, n, fds, nfds, 0)), at_most);
    CHECK_INT(recv(pair[1], in, sizeof in, 0), at_most); /* and drops the descriptors */
    new_world();
    world.at_most = at_most;
    CHECK_INT(LIBRARY(anc_sendv_fds(pair[0], iov, n, fds, nfds, ANC_ALL)), BYTES);
    CHECK_INT(world.with_control, nfds != 0);
    calls = (BYTES + (int)at_most - 1) / (int)at_most;
    CHECK(world.calls[SENDMSG] >= calls);
    if (n <= 16) /* of the rest, the library shows so many buffers at once */
        CHECK_INT(world.calls[SENDMSG], calls);
    CHECK_INT(anc_recv_fds(pair[1], in, sizeof in, got, 8, &came, ANC_ALL), BYTES);
    CHECK(memcmp(in, out, BYTES) == 0);
    CHECK_INT(came, nfds);
    anc_close_fds(got, came);
    expect_nothing_in(pair[1]);
    close_both(pair);
}

TEST(a_short_write_of_any_length_loses_no_byte_and_repeats_no_descriptor)
{
    int parts, fds[3];
    size_t at_most;
    new_descriptors(fds, 3);
    for (parts = 1; parts <= BYTES; parts++)
        for (at_most = 1; at_most <= BYTES; at_most++)
            short_writes(parts, at_most, fds, at_most % 2 ? 3 : 0);
    anc_close_fds(fds, 3);
}

/* A descriptor at every tenth byte: nothing is glued over it. */
static void short_reads(int parts, size_t at_most, const int *fds)
{
    struct iovec iov[2 * BYTES];
    char out[BYTES], in[BYTES];
    int pair[2], got[8], i, n;
    size_t came = 99;
    fill(out);
    memset(in, 0, sizeof in);
    n = buffers(iov, in, parts);
    socket_pair(SOCK_STREAM, pair);
    for (i = 0; i < 4; i++)
        CHECK_INT(anc_send_fds(pair[0], out + 10 * i, 10, &fds[i], 1, 0), 10);
    new_world();
    world.at_most = at_most;
    CHECK_INT(LIBRARY(anc_recvv_fds(pair[1], iov, n, got, 8, &came, ANC_ALL)), BYTES);
    CHECK(memcmp(in, out, BYTES) == 0);
    CHECK_INT(came, 4);
    handed_over(got, 4);
    for (i = 0; i < 4; i++)
        CHECK(same_file(fds[i], got[i]));
    anc_close_fds(got, came);
    close_both(pair);
}

TEST(a_short_read_of_any_length_loses_no_byte_and_no_descriptor)
{
    int parts, fds[4];
    size_t at_most;
    new_descriptors(fds, 4);
    for (parts = 1; parts <= BYTES; parts++)
        for (at_most = 1; at_most <= BYTES; at_most++)
            short_reads(parts, at_most, fds);
    anc_close_fds(fds, 4);
}

TEST(without_ANC_ALL_a_short_read_is_one_call)
{
    int pair[2], got[2];
    char buf[LENGTH];
    size_t nfds;
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(send(pair[0], text, LENGTH, 0), LENGTH);
    new_world();
    world.at_most = 3;
    CHECK_INT(LIBRARY(recv_parts(pair[1], buf, got, 2, &nfds, 0)), 3);
    CHECK_INT(world.calls[RECVMSG], 1);
    close_both(pair);
}

/* What a receive may bring: scripted messages. */

enum { SLOTS = 8, MESSAGES = 5 };
/* Slots: a new descriptor; one that belongs to somebody else. */
enum { FRESH = INT_MAX, BYSTANDER = INT_MAX - 1 };

struct part {
    int level, type, n;
    int slots[SLOTS];
    int lies;      /* cmsg_len is len, not what it should be */
    size_t len;
    int extra;     /* bytes after the slots */
};

static struct script {
    struct part parts[MESSAGES];
    int n;
    size_t controllen; /* what recvmsg reports; 0: what it should be */
    size_t cut;        /* bytes that are missing from its end */
    int flags;
    ssize_t count;
} script;

static int bystander;
static int fresh[SLOTS * MESSAGES], n_fresh; /* of SCM_RIGHTS alone, in order */

static int slot_value(const struct part *p, int slot)
{
    int fd;
    if (slot == BYSTANDER)
        return bystander;
    if (slot != FRESH)
        return slot;
    fd = new_descriptor();
    belongs(fd, LIBRARYS);
    if (p->level == SOL_SOCKET && p->type == SCM_RIGHTS)
        fresh[n_fresh++] = fd;
    return fd;
}

static size_t write_part(char *at, const struct part *p)
{
    size_t len = CMSG_LEN((size_t)p->n * sizeof(int)) + (size_t)p->extra;
    raw_header header = {p->lies ? p->len : len, p->level, p->type};
    int i, fd;
    memcpy(at, &header, sizeof header);
    for (i = 0; i < p->n; i++) {
        fd = slot_value(p, p->slots[i]);
        memcpy(at + CMSG_LEN(0) + (size_t)i * sizeof fd, &fd, sizeof fd);
    }
    return CMSG_ALIGN(len);
}

/* Every byte that the kernel would not have written leads to a descriptor of somebody else. */
static void poison(struct msghdr *msg)
{
    size_t i;
    for (i = 0; i + sizeof bystander <= msg->msg_controllen; i += sizeof bystander)
        memcpy((char *)msg->msg_control + i, &bystander, sizeof bystander);
}

static ssize_t scripted(int sock, struct msghdr *msg, int flags)
{
    size_t room = msg->msg_controllen, at = 0;
    char *control = msg->msg_control;
    int i, type;
    socklen_t len = sizeof type;
    (void)flags;
    CHECK(NEXT(getsockopt)(sock, SOL_SOCKET, SO_TYPE, &type, &len) == 0);
    if (script.controllen > room)
        memset(control, 0, room); /* or what follows the messages would be one */
    else
        poison(msg);
    n_fresh = 0;
    for (i = 0; i < script.n; i++)
        at += write_part(control + at, &script.parts[i]);
    CHECK(at <= room);
    msg->msg_controllen = script.controllen ? script.controllen : at - script.cut;
    msg->msg_flags = script.flags | (flags & MSG_CMSG_CLOEXEC);
    if (script.count > 0)
        memcpy(msg->msg_iov->iov_base, text, (size_t)script.count);
    done(RECVMSG);
    return script.count;
}

static void new_script(void)
{
    memset(&script, 0, sizeof script);
    script.count = 1;
    new_world();
    world.recvmsg = scripted;
}

static struct part *add(int level, int type)
{
    struct part *p = &script.parts[script.n++];
    CHECK(script.n <= MESSAGES);
    p->level = level;
    p->type = type;
    return p;
}

static struct part *add_rights(int n)
{
    struct part *p = add(SOL_SOCKET, SCM_RIGHTS);
    for (p->n = 0; p->n < n; p->n++)
        p->slots[p->n] = FRESH;
    return p;
}

static struct part *add_one(int level, int type, int slot)
{
    struct part *p = add(level, type);
    p->n = 1;
    p->slots[0] = slot;
    return p;
}

/* The errno that the text of SURFACE.h asks for, or 0; `slots` are those of all SCM_RIGHTS. */
static int verdict(const int *slots, int n, int max_fds, unsigned int flags, int table_error)
{
    int i;
    if (script.flags & MSG_TRUNC)
        return EMSGSIZE;
    if (n > max_fds && !(flags & ANC_TRIM))
        return ERANGE;
    for (i = 0; i < n && i < max_fds; i++)
        if (slots[i] < 0)
            return slots[i] == -EMFILE ? EMFILE : EOVERFLOW;
    if (script.flags & MSG_CTRUNC && !((flags & ANC_TRIM) && n >= max_fds))
        return table_error == EMFILE ? EMFILE : EOVERFLOW;
    if ((flags & ANC_EXACT) && n < max_fds && (n > 0 || script.count > 0))
        return ENOMSG;
    return 0;
}

static int scripted_slots(int *slots)
{
    int i, k, n = 0;
    for (i = 0; i < script.n; i++) {
        const struct part *p = &script.parts[i];
        for (k = 0; k < p->n && p->level == SOL_SOCKET && p->type == SCM_RIGHTS; k++)
            slots[n++] = p->slots[k];
    }
    return n;
}

static int sock_of_type[2]; /* a stream and a seqpacket: nothing is ever in them */

static void scripted_sockets(void)
{
    int pair[2];
    socket_pair(SOCK_STREAM, pair);
    close(pair[1]);
    sock_of_type[0] = pair[0];
    socket_pair(SOCK_SEQPACKET, pair);
    close(pair[1]);
    sock_of_type[1] = pair[0];
    bystander = new_descriptor();
}

static void done_with_scripts(void)
{
    CHECK(is_open(bystander));
    close(bystander);
    close(sock_of_type[0]);
    close(sock_of_type[1]);
}

/* Receives what the script says and compares with an expectation: an errno, or 0 and the first
 * `count` of the fresh descriptors. */
static void receives(int sock, int max_fds, unsigned int flags, int error, size_t count)
{
    int got[SLOTS * MESSAGES + 1], i;
    size_t nfds = 99, k;
    char byte = 0;
    long long result;
    for (i = 0; i < SLOTS * MESSAGES + 1; i++)
        got[i] = -7;
    errno = 12345;
    result = LIBRARY(anc_recv_fds(sock, &byte, 1, got, (size_t)max_fds, &nfds, flags));
    if (result != (error ? -1 : script.count) || (error && errno != error) || nfds != count)
        fail(__FILE__, __LINE__,
             "%d slots, flags %#x: %lld, errno %d, %zu descriptors; not errno %d, %zu", max_fds,
             flags, result, errno, nfds, error, count);
    if (!error)
        CHECK_INT(errno, 12345);
    for (k = 0; k < nfds; k++)
        CHECK_INT(got[k], fresh[k]);
    for (; k < SLOTS * MESSAGES + 1; k++)
        CHECK(got[k] == -7 || (got[k] == -1 && error && (flags & ANC_ALL))); /* -1: was filled */
    handed_over(got, nfds);
    for (k = 0; k < nfds; k++)
        close(got[k]);
}

static const unsigned int receive_flags[] = {
    0, ANC_TRIM, ANC_EXACT, ANC_ALL, ANC_ALL | ANC_TRIM, ANC_ALL | ANC_EXACT, ANC_DONTWAIT,
};
enum { RECEIVE_FLAGS = sizeof receive_flags / sizeof *receive_flags };

/* The script with every number of slots, flag and socket, against the verdict. */
static void receives_as_specified(void)
{
    int slots[SLOTS * MESSAGES], n = scripted_slots(slots), max_fds, f, t;
    for (max_fds = 0; max_fds <= n + 1; max_fds++)
        for (f = 0; f < RECEIVE_FLAGS; f++)
            for (t = 0; t < 2; t++) {
                unsigned int flags = receive_flags[f];
                int table_error = world.faults[0].first ? world.faults[0].error : 0;
                int error = verdict(slots, n, max_fds, flags, table_error);
                memset(world.calls, 0, sizeof world.calls);
                int count = error ? 0 : n < max_fds ? n : max_fds;
                receives(sock_of_type[t], max_fds, flags, error, (size_t)count);
                CHECK(world.calls[RECVMSG] == 1);
            }
}

TEST(what_is_not_handed_over_is_closed_whatever_the_flags_say)
{
    static const int message_flags[] = {
        0, MSG_TRUNC, MSG_CTRUNC, MSG_TRUNC | MSG_CTRUNC, MSG_EOR, MSG_OOB,
    };
    int m, n;
    ssize_t count;
    scripted_sockets();
    for (m = 0; m < 6; m++)
        for (n = 0; n <= 5; n++)
            for (count = 0; count <= 1; count++) {
                new_script();
                if (n > 0)
                    add_rights(n);
                script.flags = message_flags[m];
                script.count = count;
                receives_as_specified();
            }
    done_with_scripts();
}

TEST(a_loss_is_EMFILE_only_if_the_table_is_full)
{
    int e, n;
    scripted_sockets();
    for (e = 0; e < ERRNOS; e++)
        for (n = 0; n <= 3; n++) {
            new_script();
            if (n > 0)
                add_rights(n);
            script.flags = MSG_CTRUNC;
            plan_fault(0, DUPFD, 1, 1, errnos[e]);
            receives_as_specified();
        }
    done_with_scripts();
}

TEST(a_negative_slot_is_an_error_at_its_place_and_never_a_descriptor)
{
    static const int values[] = {-EMFILE, -EACCES, -1, INT_MIN};
    int n, at, v;
    scripted_sockets();
    for (n = 1; n <= 6; n++)
        for (at = 0; at < n; at++)
            for (v = 0; v < 4; v++) {
                new_script();
                add_rights(n)->slots[at] = values[v];
                receives_as_specified();
                script.flags = MSG_CTRUNC;
                receives_as_specified();
            }
    done_with_scripts();
}

TEST(the_first_of_two_negative_slots_gives_the_error)
{
    int a, b;
    scripted_sockets();
    for (a = 0; a < 4; a++)
        for (b = 0; b < 4; b++) {
            struct part *p;
            new_script();
            p = add_rights(4);
            p->slots[a] = -EACCES;
            p->slots[b] = -EMFILE;
            receives_as_specified();
        }
    done_with_scripts();
}

TEST(anc_recv_fd_gives_exactly_one_descriptor_or_an_error)
{
    static const struct {
        int n, negative_at;
        ssize_t count;
        int flags;
        unsigned int how;
        int error;
    } rows[] = {
        {0, -1, 0, 0, 0, EPIPE},           {0, -1, 1, 0, 0, ENOMSG},
        {1, -1, 1, 0, 0, 0},               {1, -1, 0, 0, 0, 0},
        {2, -1, 1, 0, 0, ERANGE},          {2, -1, 1, 0, ANC_TRIM, 0},
        {3, -1, 1, MSG_TRUNC, 0, EMSGSIZE}, {1, -1, 1, MSG_TRUNC, ANC_TRIM, EMSGSIZE},
        {1, 0, 1, 0, 0, EMFILE},           {2, 1, 1, 0, 0, ERANGE},
        {2, 1, 1, 0, ANC_TRIM, 0},         {2, 0, 1, 0, ANC_TRIM, EMFILE},
        {1, -1, 1, MSG_CTRUNC, 0, EOVERFLOW}, {1, -1, 1, MSG_CTRUNC, ANC_TRIM, 0},
        {0, -1, 1, MSG_CTRUNC, ANC_TRIM, EOVERFLOW},
    };
    size_t i;
    scripted_sockets();
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd;
        new_script();
        if (rows[i].n > 0 && rows[i].negative_at >= 0)
            add_rights(rows[i].n)->slots[rows[i].negative_at] = -EMFILE;
        else if (rows[i].n > 0)
            add_rights(rows[i].n);
        script.count = rows[i].count;
        script.flags = rows[i].flags;
        errno = 0;
        fd = (int)LIBRARY(anc_recv_fd(sock_of_type[i % 2], rows[i].how));
        CHECK_INT(errno, rows[i].error);
        CHECK_INT(fd, rows[i].error ? -1 : fresh[0]);
        handed_over(&fd, fd >= 0);
        if (fd >= 0)
            close(fd);
    }
    done_with_scripts();
}

/* Hostile control data. */

#define FOUR_GB (1ull << 32)

TEST(a_control_message_is_no_longer_than_the_buffer_says)
{
    /* A message with two slots and one that follows it. A length below the header ends the walk;
     * one that reaches past the buffer takes what is there, and nothing follows it. */
    static const struct {
        size_t len, controllen;
        int slots; /* that are descriptors; -1: the message is no message */
    } rows[] = {
        {0, 0, -1},          {1, 0, -1},         {15, 0, -1},
        {16, 0, 0},          {17, 0, 0},         {18, 0, 0},
        {19, 0, 0},          {20, 0, 1},         {21, 0, 1},
        {23, 0, 1},          {24, 0, 2},         {25, 0, 2},
        {27, 0, 2},          {SIZE_MAX, 0, 2},   {SIZE_MAX - 1, 0, 2},
        {SIZE_MAX - 7, 0, 2}, {SIZE_MAX - 8, 0, 2}, {SIZE_MAX / 2, 0, 2},
        {SIZE_MAX / 2 + 1, 0, 2}, {24, 20, 1},   {24, 23, 1},
        {28, 24, 2},         {32, 24, 2},        {25, 24, 2},
        {24, 16, 0},         {24, 19, 0},        {SIZE_MAX, 16, 0},
        {SIZE_MAX, 20, 1},   {24, 15, -1},       {24, 1, -1},
        {20, 21, 1},         {20, 22, 1},        {4096, 0, 2},
        {1 << 16, 0, 2},     {(size_t)FOUR_GB, 0, 2}, {(size_t)(FOUR_GB + 24), 0, 2},
        {(size_t)(FOUR_GB + 20), 0, 2},
    };
    size_t i;
    if (sizeof(size_t) != 8)
        skip("the rows are those of 64-bit headers");
    scripted_sockets();
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        int n = rows[i].slots < 0 ? 0 : rows[i].slots, f;
        for (f = 0; f < 2; f++) {
            struct part *p;
            new_script();
            p = add_rights(n);
            for (; p->n < 2; p->n++)
                p->slots[p->n] = BYSTANDER;
            p->lies = 1;
            p->len = rows[i].len;
            script.controllen = rows[i].controllen;
            receives(sock_of_type[f], 4, 0, 0, (size_t)n);
            receives(sock_of_type[f], 4, ANC_EXACT, ENOMSG, 0);
            receives(sock_of_type[f], 0, ANC_TRIM, 0, 0);
        }
    }
    done_with_scripts();
}

/* Whoever steps over such a length reads level and type as a length, and the slots as a header. */
TEST(a_message_shorter_than_its_header_ends_the_walk)
{
    size_t len;
    scripted_sockets();
    for (len = 0; len < CMSG_LEN(0); len++) {
        static const int slots[4] = {SOL_SOCKET, SCM_RIGHTS, BYSTANDER, BYSTANDER};
        struct part *p;
        new_script();
        p = add(24, 0);
        memcpy(p->slots, slots, sizeof slots);
        p->n = 4;
        p->lies = 1;
        p->len = len;
        receives(sock_of_type[0], 4, 0, 0, 0);
        receives(sock_of_type[0], 0, ANC_TRIM, 0, 0);
    }
    done_with_scripts();
}

TEST(a_control_length_larger_than_the_buffer_is_the_buffers)
{
    static const size_t lens[] = {4096, 65536, SIZE_MAX / 2, SIZE_MAX - 7, SIZE_MAX};
    size_t i;
    scripted_sockets();
    for (i = 0; i < sizeof lens / sizeof *lens; i++) {
        new_script();
        add_rights(3);
        script.controllen = lens[i];
        receives_as_specified();
        add_rights(2);
        receives_as_specified();
    }
    done_with_scripts();
}

TEST(the_padding_of_the_last_message_may_be_missing)
{
    scripted_sockets();
    new_script();
    add_one(SOL_SOCKET, 999, BYSTANDER);
    add_rights(3);
    script.cut = CMSG_SPACE(3 * sizeof(int)) - CMSG_LEN(3 * sizeof(int));
    receives_as_specified();
    done_with_scripts();
}

TEST(bytes_after_the_last_whole_int_are_no_descriptor)
{
    int extra, n;
    scripted_sockets();
    for (extra = 1; extra < 4; extra++)
        for (n = 0; n <= 3; n++) {
            new_script();
            add_rights(n)->extra = extra;
            receives_as_specified();
            add_rights(2); /* what follows still counts */
            receives_as_specified();
        }
    done_with_scripts();
}

TEST(several_messages_of_descriptors_are_one_list)
{
    static const int counts[][4] = {
        {1, 1, 0, 0}, {2, 3, 0, 0}, {1, 2, 3, 2}, {1, 1, 1, 1}, {3, 0, 2, 0},
    };
    int i, k;
    scripted_sockets();
    for (i = 0; i < 5; i++) {
        new_script();
        for (k = 0; k < 4; k++)
            add_rights(counts[i][k]);
        receives_as_specified();
        script.parts[1].slots[0] = -EMFILE;
        receives_as_specified();
    }
    done_with_scripts();
}

TEST(a_pidfd_that_nobody_asked_for_is_closed_wherever_it_stands)
{
    int where, n, value, flags;
    scripted_sockets();
    for (where = 0; where < 4; where++)
        for (n = 0; n <= 3; n++)
            for (value = 0; value < 2; value++)
                for (flags = 0; flags < 2; flags++) {
                    int slot = value ? -EMFILE : FRESH;
                    new_script();
                    script.flags = flags ? MSG_CTRUNC : 0;
                    if (where == 0 || where == 3)
                        add_one(SOL_SOCKET, SCM_PIDFD, slot);
                    add_rights(n);
                    if (where == 1)
                        add_one(SOL_SOCKET, SCM_PIDFD, slot);
                    add_rights(n > 1);
                    if (where >= 2)
                        add_one(SOL_SOCKET, SCM_PIDFD, slot);
                    receives_as_specified();
                }
    done_with_scripts();
}

TEST(numbers_in_other_messages_are_no_descriptors)
{
    static const int kinds[][2] = {
        {SOL_SOCKET, SCM_CREDENTIALS}, {SOL_SOCKET, 3},   {SOL_SOCKET, SO_TIMESTAMP},
        {SOL_SOCKET, 0},               {SOL_SOCKET, -1},  {SOL_SOCKET, 999},
        {0, SCM_RIGHTS},               {41, SCM_RIGHTS},  {-1, SCM_RIGHTS},
        {0, SCM_PIDFD},                {INT_MAX, INT_MIN}, {SOL_SOCKET + 256, SCM_RIGHTS},
        {SOL_SOCKET, SCM_RIGHTS + 256},
    };
    size_t i;
    int n, before;
    scripted_sockets();
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (n = 0; n <= 2; n++)
            for (before = 0; before < 2; before++) {
                new_script();
                if (before)
                    add_rights(n);
                add_one(kinds[i][0], kinds[i][1], BYSTANDER)->extra = (int)i % 8;
                if (!before)
                    add_rights(n);
                receives_as_specified();
            }
    done_with_scripts();
}

TEST(an_endless_row_of_empty_messages_ends)
{
    int i;
    scripted_sockets();
    new_script();
    for (i = 0; i < MESSAGES - 1; i++)
        add(SOL_SOCKET, SCM_RIGHTS); /* header alone */
    add_rights(2);
    receives_as_specified();
    done_with_scripts();
}

/* The real descriptor table. */

static void full_table(int sent, int room, int max_fds, unsigned int flags)
{
    int pair[2], fds[SLOTS], got[SLOTS + 1], error = 0, i;
    size_t nfds = 99;
    char byte;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, sent);
    CHECK_INT(anc_send_fds(pair[0], "x", 1, fds, (size_t)sent, 0), 1);
    for (i = 0; i <= SLOTS; i++)
        got[i] = -7;
    fill_table(room);
    new_world();
    if (room > max_fds && sent > max_fds && !(flags & ANC_TRIM))
        error = ERANGE;
    else if (room < sent && !((flags & ANC_TRIM) && room >= max_fds))
        error = EMFILE;
    else if (sent > max_fds && !(flags & ANC_TRIM))
        error = ERANGE;
    else if ((flags & ANC_EXACT) && sent < max_fds)
        error = ENOMSG;
    errno = 0;
    CHECK_INT(LIBRARY(anc_recv_fds(pair[1], &byte, 1, got, (size_t)max_fds, &nfds, flags)),
              error ? -1 : 1);
    CHECK_INT(errno, error);
    CHECK_INT(nfds, error ? 0 : sent < max_fds ? sent : max_fds);
    handed_over(got, nfds);
    for (i = (int)nfds; i <= SLOTS; i++)
        CHECK(got[i] == -7 || (got[i] == -1 && error && (flags & ANC_ALL)));
    _exit(0);
}

TEST(a_table_that_fills_up_at_any_position_leaks_nothing)
{
    int sent, room, max_fds, f;
    if (on_valgrind())
        skip("valgrind has a descriptor limit of its own");
    for (sent = 1; sent <= 4; sent++)
        for (room = 0; room <= sent; room++)
            for (max_fds = 0; max_fds <= sent + 1; max_fds++)
                for (f = 0; f < RECEIVE_FLAGS; f++) {
                    pid_t child = fork(); /* the limit stays lowered */
                    int status;
                    if (child == 0)
                        full_table(sent, room, max_fds, receive_flags[f]);
                    CHECK(waitpid(child, &status, 0) == child);
                    if (status != 0)
                        fail(__FILE__, __LINE__, "%d sent, room for %d, %d wanted, flags %#x", sent,
                             room, max_fds, receive_flags[f]);
                }
}

/* Close and close-on-exec. */

/* Every way in which the library closes, with what the plan says; the callers count. */
static void close_in_every_way(void)
{
    int pair[2], fds[4], got[4], i;
    size_t nfds;
    char byte;
    socket_pair(SOCK_STREAM, pair);

    new_descriptors(fds, 4);
    give(fds, 4);
    errno = 12345;
    CHECK_INT(LIBRARY((anc_close_fds(fds, 4), 0)), 0);
    CHECK_INT(errno, 12345);
    for (i = 0; i < 4; i++)
        CHECK_INT(fds[i], -1);

    new_descriptors(fds, 4);
    give(fds, 4);
    CHECK_INT(LIBRARY(anc_send_fds(pair[0], "x", 1, fds, 4, ANC_MOVE)), 1);
    CHECK_INT(errno, 12345);
    CHECK_INT(owned_by(GIVEN), 0);

    CHECK_INT(LIBRARY(anc_recv_fds(pair[1], &byte, 1, got, 1, &nfds, ANC_TRIM)), 1);
    CHECK_INT(errno, 12345);
    handed_over(got, 1);
    CHECK_INT(anc_send_fds(pair[0], "x", 1, got, 1, 0), 1);
    CHECK_ERRNO(LIBRARY(anc_recv_fds(pair[1], &byte, 1, NULL, 0, NULL, 0)), ERANGE);
    handed_over(NULL, 0);
    close(got[0]);
    close_both(pair);
}

TEST(an_error_of_close_is_not_seen_and_close_is_not_repeated)
{
    int e;
    for (e = 0; e < ERRNOS; e++) {
        new_world();
        world.close_reports = errnos[e];
        plan_fault(0, CLOSE_RANGE, 1, INT_MAX, ENOSYS);
        close_in_every_way();
        CHECK_INT(world.calls[CLOSE], 4 + 4 + 3 + 1);
    }
}

TEST(whatever_close_range_answers_all_are_closed)
{
    int e;
    for (e = 0; e < ERRNOS; e++) {
        new_world();
        plan_fault(0, CLOSE_RANGE, 1, INT_MAX, errnos[e]);
        close_in_every_way();
        CHECK_INT(world.calls[CLOSE], 4 + 4 + 3 + 1);
        CHECK_INT(world.calls[CLOSE_RANGE], built_without("close_range") ? 0 : 3);
    }
}

TEST(numbers_that_follow_each_other_are_closed_by_one_call)
{
    static const struct {
        int from[8], n, close, close_range;
    } rows[] = {
        {{0, 1, 2, 3}, 4, 0, 1},          {{0, 2, 4, 6}, 4, 4, 0},    {{0, 1, 3, 4, 6}, 5, 1, 2},
        {{3, 2, 1, 0}, 4, 4, 0},          {{0, 1, -1, 2, 3}, 5, 0, 1}, {{-1, -1}, 2, 0, 0},
        {{5}, 1, 1, 0},                   {{0}, 0, 0, 0},             {{4, 0, 1, 2, 6}, 5, 2, 1},
    };
    size_t r;
    int pipe[2], has_close_range;
    if (on_valgrind())
        skip("valgrind does not know close_range");
#if defined(__linux__)
    has_close_range = syscall(SYS_close_range, INT_MAX, INT_MAX, 0) == 0 && !built_without("close_range");
#elif defined(__FreeBSD__)
    has_close_range = 1;
#else
    has_close_range = 0;
#endif
    socket_pair(SOCK_STREAM, pipe);
    for (r = 0; r < sizeof rows / sizeof *rows; r++) {
        int base[8], list[8], i, singles = 0;
        new_world();
        for (i = 0; i < 8; i++)
            CHECK_INT(base[i] = fcntl(pipe[0], F_DUPFD_CLOEXEC, 500 + i), 500 + i);
        for (i = 0; i < rows[r].n; i++)
            list[i] = rows[r].from[i] < 0 ? -5 : base[rows[r].from[i]];
        for (i = 0; i < rows[r].n; i++)
            if (list[i] >= 0)
                belongs(list[i], GIVEN), singles++;
        CHECK_INT(LIBRARY((anc_close_fds(list, (size_t)rows[r].n), 0)), 0);
        CHECK_INT(owned_by(GIVEN), 0);
        for (i = 0; i < rows[r].n; i++)
            CHECK_INT(list[i], rows[r].from[i] < 0 ? -5 : -1);
        CHECK_INT(world.calls[CLOSE_RANGE], built_without("close_range") ? 0 : rows[r].close_range);
        CHECK_INT(world.calls[CLOSE], has_close_range ? rows[r].close : singles);
        for (i = 0; i < 8; i++)
            if (is_open(base[i]))
                close(base[i]);
    }
    close_both(pipe);
}

TEST(ANC_MOVE_closes_a_number_that_stands_twice_once)
{
    static const int lists[][6] = {
        {0, 0, 0, 0, 0, 0}, {0, 1, 0, 1, 0, 1}, {0, 0, 1, 1, 2, 2},
        {2, 1, 0, 0, 1, 2}, {0, 1, 2, 2, 1, 0}, {0, 1, 1, 2, 0, 2},
    };
    const unsigned int all = ANC_MOVE | ANC_ALL;
    int l, i, how;
    for (l = 0; l < 6; l++)
        for (how = 0; how < 2; how++) {
            int pair[2], fds[3], list[6], got[6];
            size_t nfds;
            char byte;
            socket_pair(SOCK_STREAM, pair);
            new_descriptors(fds, 3);
            new_world();
            for (i = 0; i < 6; i++)
                belongs(list[i] = fds[lists[l][i]], GIVEN);
            CHECK_INT(LIBRARY(anc_send_fds(pair[0], "x", 1, list, 6, how ? all : ANC_MOVE)), 1);
            CHECK_INT(owned_by(GIVEN), 0);
            CHECK_INT(anc_recv_fds(pair[1], &byte, 1, got, 6, &nfds, ANC_EXACT), 1);
            anc_close_fds(got, 6);
            for (i = 0; i < 3; i++)
                if (is_open(fds[i]))
                    close(fds[i]);
            close_both(pair);
        }
}

/* Only where recvmsg can't do it itself. */
TEST(a_descriptor_that_cannot_be_made_close_on_exec_is_an_error_and_closed)
{
    int n, nth, e, f;
    if (!built_without("cmsg_cloexec"))
        skip("recvmsg itself sets close-on-exec: for make WITHOUT=cmsg_cloexec");
    scripted_sockets();
    for (n = 1; n <= 5; n++)
        for (nth = 1; nth <= n; nth++)
            for (e = 1; e < ERRNOS; e++)
                for (f = 0; f < RECEIVE_FLAGS; f++) {
                    new_script();
                    add_rights(n);
                    plan_fault(0, SETFD, nth, nth, errnos[e]);
                    receives(sock_of_type[0], n, receive_flags[f], seen_as(errnos[e]), 0);
                    CHECK_INT(world.calls[SETFD], nth);
                }
    done_with_scripts();
}

/* The same system calls as hand-written code. */

static void expects_calls(const char *what, enum call call, int times, enum call other,
                          int other_times)
{
    const int expected[][2] = {{(int)call, times}, {(int)other, other_times}, {CALLS, 0}};
    called(what, expected);
}

static void sends_by(const struct sender *s, int type, size_t at_most, int calls)
{
    int pair[2], fds[3], i;
    socket_pair(type, pair);
    for (i = 0; i < 3; i++)
        fds[i] = new_descriptor();
    new_world();
    world.at_most = at_most;
    if (s->flags & ANC_MOVE)
        give(fds, s->fds);
    errno = 12345;
    CHECK(LIBRARY(s->call(pair[0], fds, (size_t)s->fds, s->flags)) >= 0);
    CHECK_INT(errno, 12345);
    world.calls[CLOSE] = world.calls[CLOSE_RANGE] = 0; /* of ANC_MOVE */
    expects_calls(s->name, SENDMSG, calls, CALLS, 0);
    CHECK_INT(world.flags & MSG_NOSIGNAL, built_without("nosignal") ? 0 : MSG_NOSIGNAL);
    CHECK_INT(world.flags & MSG_DONTWAIT, s->flags & ANC_DONTWAIT ? MSG_DONTWAIT : 0);
    for (i = 0; i < 3; i++)
        if (is_open(fds[i]))
            close(fds[i]);
    close_both(pair);
}

TEST(a_send_is_one_sendmsg_and_nothing_else)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int s, t;
    for (s = 0; s < SENDERS; s++)
        for (t = 0; t < 3; t++)
            sends_by(&senders[s], types[t], 0, 1);
    for (s = 0; s < SENDERS; s++)
        if (senders[s].flags & ANC_ALL)
            sends_by(&senders[s], SOCK_STREAM, 3, 3);
}

static void receives_by(const struct receiver *r, int type, size_t at_most, int calls,
                        int getsockopts)
{
    int pair[2], fds[3], got[3];
    size_t nfds;
    char buf[LENGTH];
    socket_pair(type, pair);
    new_descriptors(fds, 3);
    CHECK_INT(anc_send_fds(pair[0], text, (size_t)r->bytes, fds, 3, ANC_MOVE), r->bytes);
    new_world();
    world.at_most = at_most;
    errno = 12345;
    CHECK_INT(LIBRARY(r->call(pair[1], buf, got, (size_t)r->max_fds, &nfds, r->flags)), r->bytes);
    CHECK_INT(errno, 12345);
    handed_over(got, nfds);
    if (r->max_fds < 3)
        world.calls[CLOSE] = world.calls[CLOSE_RANGE] = 0; /* of the surplus */
    if (built_without("cmsg_cloexec")) {
        CHECK_INT(world.calls[SETFD], 3);
        world.calls[SETFD] = 0;
    }
    expects_calls(r->name, RECVMSG, calls, GETSOCKOPT, getsockopts);
    CHECK_INT(world.flags & MSG_CMSG_CLOEXEC, built_without("cmsg_cloexec") ? 0 : MSG_CMSG_CLOEXEC);
    CHECK_INT(world.flags & MSG_DONTWAIT, r->flags & ANC_DONTWAIT ? MSG_DONTWAIT : 0);
    anc_close_fds(got, nfds);
    close_both(pair);
}

TEST(a_receive_is_one_recvmsg_and_nothing_else)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
    int r, t;
    for (r = 0; r < RECEIVERS; r++)
        for (t = 0; t < 3; t++)
            receives_by(&receivers[r], types[t], 0, 1, 0);
}

TEST(ANC_ALL_asks_for_the_type_only_after_a_short_count)
{
    int r;
    for (r = 0; r < RECEIVERS; r++)
        if (receivers[r].flags & ANC_ALL)
            receives_by(&receivers[r], SOCK_STREAM, 3, 3, 2);
}

TEST(an_empty_message_with_descriptors_asks_for_the_type_first)
{
    static const struct {
        int type, n, error, sendmsg, getsockopt;
    } rows[] = {
        {SOCK_STREAM, 1, EINVAL, 0, 1}, {SOCK_DGRAM, 1, 0, 1, 1},  {SOCK_SEQPACKET, 1, 0, 1, 1},
        {SOCK_STREAM, 0, 0, 1, 0},      {SOCK_DGRAM, 0, 0, 1, 0},  {SOCK_SEQPACKET, 0, 0, 1, 0},
    };
    size_t i;
    int fd = new_descriptor();
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        int pair[2];
        long long result;
        socket_pair(rows[i].type, pair);
        new_world();
        errno = 0;
        result = LIBRARY(anc_send_fds(pair[0], NULL, 0, &fd, (size_t)rows[i].n, 0));
        CHECK_INT(errno, rows[i].error);
        CHECK_INT(result, rows[i].error ? -1 : 0);
        expects_calls("an empty send", SENDMSG, rows[i].sendmsg, GETSOCKOPT, rows[i].getsockopt);
        close_both(pair);
    }
    close(fd);
}

TEST(an_error_of_getsockopt_passes_through_before_any_effect)
{
    int e, pair[2], fd = new_descriptor();
    size_t nfds;
    socket_pair(SOCK_DGRAM, pair);
    CHECK_INT(send(pair[1], text, 1, 0), 1);
    for (e = 0; e < ERRNOS; e++) {
        new_world();
        plan_fault(0, GETSOCKOPT, 1, 2, errnos[e]);
        CHECK_ERRNO(LIBRARY(anc_send_fds(pair[0], NULL, 0, &fd, 1, ANC_MOVE)), seen_as(errnos[e]));
        CHECK_ERRNO(LIBRARY(anc_recv_fds(pair[0], NULL, 0, NULL, 0, &nfds, 0)), seen_as(errnos[e]));
        expects_calls("getsockopt fails", GETSOCKOPT, 2, CALLS, 0);
    }
    expect_nothing_in(pair[1]);
    close(fd);
    close_both(pair);
}

/* The socket is asked for its type after a short count: if it can't tell, that is the result. */
TEST(an_error_of_getsockopt_after_a_short_count_ends_ANC_ALL_with_what_has_come)
{
    int e;
    for (e = 0; e < ERRNOS; e++) {
        int pair[2], fds[2], got[4];
        size_t nfds;
        char buf[LENGTH];
        socket_pair(SOCK_STREAM, pair);
        new_descriptors(fds, 2);
        CHECK_INT(anc_send_fds(pair[0], text, LENGTH, fds, 2, ANC_MOVE), LENGTH);
        new_world();
        world.at_most = 3;
        plan_fault(0, GETSOCKOPT, 1, 1, errnos[e]);
        CHECK_INT(LIBRARY(recv_plain(pair[1], buf, got, 4, &nfds, ANC_ALL)), 3);
        CHECK_INT(nfds, 2);
        handed_over(got, 2);
        anc_close_fds(got, 2);
        close_both(pair);
    }
}

/* errno and ANC_ALL. */

TEST(a_call_that_succeeds_after_signals_leaves_errno_alone)
{
    int pair[2], got[1];
    size_t nfds;
    char buf[LENGTH];
    socket_pair(SOCK_STREAM, pair);
    new_world();
    world.at_most = 1;
    world.before = interrupt_always;
    errno = 12345;
    CHECK_INT(LIBRARY(send_plain(pair[0], NULL, 0, ANC_ALL)), LENGTH);
    CHECK_INT(errno, 12345);
    CHECK_INT(LIBRARY(recv_plain(pair[1], buf, got, 1, &nfds, ANC_ALL)), LENGTH);
    CHECK_INT(errno, 12345);
    close_both(pair);
}

TEST(a_short_count_leaves_errno_alone)
{
    int pair[2], got[1];
    size_t nfds;
    char buf[LENGTH];
    socket_pair(SOCK_STREAM, pair);
    new_world();
    world.at_most = 3;
    plan_fault(0, SENDMSG, 2, 2, EAGAIN);
    plan_fault(1, RECVMSG, 2, 2, EAGAIN);
    errno = 12345;
    CHECK_INT(LIBRARY(send_plain(pair[0], NULL, 0, ANC_ALL)), 3);
    CHECK_INT(errno, 12345);
    CHECK_INT(LIBRARY(recv_plain(pair[1], buf, got, 1, &nfds, ANC_ALL)), 3);
    CHECK_INT(errno, 12345);
    close_both(pair);
}

/* Descriptors that came with a first part are closed if a later part can't be handed over. */
static void second_part_is_refused(int first, int second, int max_fds, unsigned int flags,
                                   int error)
{
    int pair[2], fds[SLOTS], got[SLOTS], i;
    size_t nfds = 99;
    char buf[LENGTH];
    for (i = 0; i < SLOTS; i++)
        got[i] = -7;
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, first + second);
    CHECK_INT(anc_send_fds(pair[0], text, 4, fds, (size_t)first, ANC_MOVE), 4);
    CHECK_INT(anc_send_fds(pair[0], text, 4, fds + first, (size_t)second, ANC_MOVE), 4);
    new_world();
    errno = 0;
    CHECK_INT(LIBRARY(recv_plain(pair[1], buf, got, (size_t)max_fds, &nfds, ANC_ALL | flags)),
              error ? -1 : LENGTH);
    CHECK_INT(errno, error);
    CHECK_INT(nfds, error ? 0 : first + second < max_fds ? first + second : max_fds);
    handed_over(got, nfds);
    for (i = 0; error && i < SLOTS; i++)
        CHECK(got[i] == -7 || got[i] == -1); /* no closed number stays behind */
    anc_close_fds(got, nfds);
    close_both(pair);
}

TEST(ANC_ALL_hands_over_the_descriptors_of_all_parts_or_none)
{
    int first, second, max_fds;
    for (first = 1; first <= 3; first++)
        for (second = 1; second <= 3; second++)
            for (max_fds = 0; max_fds <= 7; max_fds++) {
                int n = first + second;
                second_part_is_refused(first, second, max_fds, 0, n > max_fds ? ERANGE : 0);
                second_part_is_refused(first, second, max_fds, ANC_TRIM, 0);
                second_part_is_refused(first, second, max_fds, ANC_EXACT,
                                       n > max_fds ? ERANGE : n < max_fds ? ENOMSG : 0);
            }
}

/* A loss in part number nth, as the kernel reports it. */
static int lossy_part;

static void lose_descriptors(enum call call)
{
    world.forced_flags = call == RECVMSG && world.calls[RECVMSG] == lossy_part ? MSG_CTRUNC : 0;
}

TEST(a_loss_in_any_part_closes_the_descriptors_of_all_parts)
{
    for (lossy_part = 1; lossy_part <= 4; lossy_part++) {
        int pair[2], fd, got[8] = {-7}, i;
        size_t nfds = 99;
        char buf[4];
        socket_pair(SOCK_STREAM, pair);
        for (i = 0; i < 4; i++) {
            fd = new_descriptor();
            CHECK_INT(anc_send_fds(pair[0], text, 1, &fd, 1, ANC_MOVE), 1);
        }
        new_world();
        world.before = lose_descriptors;
        CHECK_ERRNO(LIBRARY(anc_recv_fds(pair[1], buf, 4, got, 8, &nfds, ANC_ALL)), EOVERFLOW);
        CHECK_INT(nfds, 0);
        CHECK_INT(world.calls[DUPFD], 1);
        handed_over(NULL, 0);
        close_both(pair);
    }
}
