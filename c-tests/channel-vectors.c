/* The wire's vectors, wire/vectors.txt: what the receiving half makes of each stream, however it is cut, and
 * that the sending half makes these very bytes. */
#include "control.h"

enum { MESSAGES = 8, VECTORS = 100, FILES = 300, ROOM = 2 << 20, NEVER = -1 };

enum kind { BATCH, REST, MESSAGE };

/* A line of the file. */
struct line {
    enum kind kind;
    size_t nfds, len;
    const unsigned char *bytes;
};

struct vector {
    char name[64];
    int types[2];                   /* SOCK_ */
    int foreign, error;             /* an errno, 0: end of file; NEVER: the line is missing */
    struct anc_limits limits;
    struct line *lines, *end;
};

static unsigned char room[ROOM];
static size_t used;
static struct line lines[1000];
static struct vector vectors[VECTORS];
static size_t nvectors, nlines;
static int files[FILES];
static const int types[2] = {SOCK_STREAM, SOCK_SEQPACKET};
static char rx_buffer[ANC_RX_BUFFER], tx_buffer[ANC_TX_BUFFER];

static size_t number(void)
{
    const char *word = strtok(NULL, " \n");
    CHECK(word);
    return strtoul(word, NULL, 10);
}

/* The bytes on the rest of the line: `0102 61*5`. */
static void parse_bytes(struct line *line)
{
    const char *word;
    line->bytes = room + used;
    while ((word = strtok(NULL, " \n"))) {
        size_t len = strspn(word, "0123456789abcdef") / 2, times = 1, i;
        if (word[2 * len] == '*')
            times = strtoul(word + 2 * len + 1, NULL, 10);
        else
            CHECK_CASE(word[2 * len] == 0, "%.60s", word);
        CHECK(len > 0 && used + len * times <= ROOM);
        for (i = 0; i < len * times; i++) {
            char digits[3] = {word[i % len * 2], word[i % len * 2 + 1], 0};
            room[used++] = (unsigned char)strtoul(digits, NULL, 16);
        }
    }
    line->len = (size_t)(room + used - line->bytes);
}

static void parse(char *text)
{
    struct vector *v = nvectors ? &vectors[nvectors - 1] : NULL;
    struct line *line = &lines[nlines];
    const char *word, *key;
    text[strcspn(text, "#")] = 0;
    if (!(key = strtok(text, " \n")))
        return;
    CHECK(nlines < LENGTH(lines) && nvectors < VECTORS && (v || strcmp(key, "vector") == 0));
    if (strcmp(key, "vector") == 0) {
        CHECK_CASE(!v || v->error != NEVER, "%.60s has no end", v->name);
        v = &vectors[nvectors++];
        word = strtok(NULL, " \n");
        CHECK(word && strlen(word) < sizeof v->name);
        strcpy(v->name, word);
        v->types[0] = SOCK_STREAM;
        v->types[1] = SOCK_SEQPACKET;
        v->error = NEVER;
        v->lines = v->end = line;
    } else if (strcmp(key, "on") == 0) {
        word = strtok(NULL, " \n");
        CHECK(word && (strcmp(word, "stream") == 0 || strcmp(word, "seqpacket") == 0));
        v->types[word[1] == 't'] = 0;
    } else if (strcmp(key, "foreign") == 0) {
        v->foreign = 1;
    } else if (strcmp(key, "limits") == 0) {
        v->limits.max_message = (uint32_t)number();
        v->limits.max_fds = (uint32_t)number();
        v->limits.max_frame = (uint32_t)number();
    } else if (strcmp(key, "end") == 0) {
        v->error = 0;
    } else if (strcmp(key, "error") == 0) {
        word = strtok(NULL, " \n");
        CHECK(word);
        v->error = strcmp(word, "EPROTO") == 0 ? EPROTO : strcmp(word, "EMSGSIZE") == 0 ? EMSGSIZE : ERANGE;
        CHECK(v->error != ERANGE || strcmp(word, "ERANGE") == 0);
    } else {
        line->kind = strcmp(key, "batch") == 0 ? BATCH : strcmp(key, "rest") == 0 ? REST : MESSAGE;
        CHECK_CASE(line->kind != MESSAGE || strcmp(key, "message") == 0, "%.60s", key);
        line->nfds = line->kind == REST ? 0 : number();
        parse_bytes(line);
        v->end = &lines[++nlines];
    }
}

/* Reads the file beside this one, and opens as many files as a vector has descriptors. */
static void start(void)
{
    static char path[4096], text[4096];
    const char *slash = strrchr(__FILE__, '/');
    FILE *file;
    snprintf(path, sizeof path, "%.*swire/vectors.txt", slash ? (int)(slash + 1 - __FILE__) : 0, __FILE__);
    file = fopen(path, "re");
    CHECK_CASE(file, "%.200s", path);
    while (fgets(text, sizeof text, file))
        parse(text);
    fclose(file);
    CHECK(nvectors > 40 && vectors[nvectors - 1].error != NEVER);
    new_descriptors(files, FILES);
}

static void end(void)
{
    anc_close_fds(files, FILES);
}

static int has_type(const struct vector *v, int type)
{
    return v->types[0] == type || v->types[1] == type;
}

static const struct line *next_of(const struct vector *v, const struct line *line, int is_message)
{
    while (line < v->end && (line->kind == MESSAGE) != is_message)
        line++;
    return line < v->end ? line : NULL;
}

/* The batches as the kernel holds them. */
struct pipe {
    const struct vector *v;
    int type;
    const struct line *line;        /* NULL: end of file */
    size_t gone;                    /* bytes of it */
    const int *fds;
};

/* recvmsg as the kernel does it, for at most so many bytes: plain bytes in front of descriptors, and the
 * end where those end that they were sent with; one packet. */
static ssize_t receive(struct pipe *pipe, struct msghdr *msg, size_t at_most)
{
    unsigned char *to = msg->msg_iov->iov_base;
    size_t size = msg->msg_iov->iov_len, n = 0, part, has_fds = 0;
    int copies[ANC_FDS_MAX];
    CHECK(msg->msg_iovlen == 1 && msg->msg_controllen >= ANC_FDS_SPACE(ANC_FDS_MAX) && msg->msg_flags == 0);
    if (pipe->type == SOCK_STREAM && size > at_most)
        size = at_most;
    while (pipe->line && !has_fds && n < size) {
        if (pipe->gone == 0 && pipe->line->nfds > 0) {
            size_t i;
            for (i = 0; i < pipe->line->nfds; i++)
                copies[i] = duplicate(*pipe->fds++);
            has_fds = forge(msg->msg_control, SOL_SOCKET, SCM_RIGHTS, copies, i * sizeof(int));
        }
        part = pipe->line->len - pipe->gone < size - n ? pipe->line->len - pipe->gone : size - n;
        memcpy(to + n, pipe->line->bytes + pipe->gone, part);
        n += part;
        pipe->gone += part;
        if (pipe->gone == pipe->line->len) {
            pipe->gone = 0;
            pipe->line = next_of(pipe->v, pipe->line + 1, 0);
        }
        if (pipe->type == SOCK_SEQPACKET)
            break;
    }
    msg->msg_controllen = has_fds;
    return (ssize_t)n;
}

/* The next part of a message, or what anc_rx_recv would return without: by the pure half. */
static int get(struct anc_rx *rx, struct anc_in *in, struct pipe *pipe, size_t at_most)
{
    for (;;) {
        struct msghdr msg;
        int r = anc_rx_next(rx, in);
        if (r != 0)
            return r;
        r = anc_rx_prepare(rx, &msg);
        if (r != 1)
            return r;
        r = anc_rx_got(rx, &msg, receive(pipe, &msg, at_most));
        if (r != 0)
            return r;
    }
}

/* Receives all of a vector: from its batches, or with pipe NULL from the channel's socket. */
static void expect(const struct vector *v, struct anc_rx *rx, struct pipe *pipe, size_t at_most)
{
    const struct line *message = v->lines;
    struct anc_in in;
    struct msghdr msg;
    int i, r, fd = 0, result = v->error ? -1 : 0;
    while ((message = next_of(v, message, 1))) {
        size_t len = 0, nfds = 0, k;
        do {
            r = pipe ? get(rx, &in, pipe, at_most) : anc_rx_recv(rx, &in, 0);
            CHECK_CASE(r == 1, "%.60s, %zu at most: line %d gives %d", v->name, at_most, (int)(message - v->lines), r);
            CHECK_CASE(in.len <= message->len - len && memcmp(in.data, message->bytes + len, in.len) == 0 &&
                           in.nfds <= message->nfds - nfds && in.more <= 1 && in.reserved == 0,
                       "%.60s, %zu at most: line %d", v->name, at_most, (int)(message - v->lines));
            for (k = 0; k < in.nfds; k++)
                CHECK_CASE(same_file(in.fds[k], files[fd + (int)k]), "%.60s: descriptor %d", v->name, fd + (int)k);
            fd += (int)in.nfds;
            len += in.len;
            nfds += in.nfds;
        } while (in.more);
        CHECK_CASE(len == message->len && nfds == message->nfds, "%.60s, %zu at most: too short", v->name, at_most);
        message++;
    }
    for (i = 0; i < 3; i++) {
        errno = 0;
        do /* parts of a message that is never whole */
            r = pipe && i == 0 ? get(rx, &in, pipe, at_most) : i == 1 ? anc_rx_next(rx, &in) : anc_rx_recv(rx, &in, 0);
        while (i == 0 && v->error && r == 1 && in.more);
        CHECK_CASE(r == result && errno == v->error, "%.60s, %zu at most: ends with %d", v->name, at_most, r);
        r = anc_rx_prepare(rx, &msg);
        CHECK_CASE(r == result && errno == v->error, "%.60s, %zu at most: prepares %d", v->name, at_most, r);
    }
}

static void start_rx(struct anc_rx *rx, const struct vector *v, int sock, int slots[ANC_FDS_MAX])
{
    CHECK_OK(anc_rx_init(rx, sock, rx_buffer, sizeof rx_buffer, slots, ANC_FDS_MAX, &v->limits, sizeof *rx), 0);
}

TEST(each_stream_gives_its_messages_or_its_error_however_it_is_read)
{
    static const size_t sizes[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 64, 4096, SIZE_MAX};
    const struct vector *v;
    int t;
    size_t s;
    start();
    for (t = 0; t < 2; t++)
        for (v = vectors; v < vectors + nvectors; v++)
            for (s = 0; s < LENGTH(sizes) && has_type(v, types[t]); s++) {
                struct pipe pipe = {v, types[t], next_of(v, v->lines, 0), 0, files};
                int pair[2], slots[ANC_FDS_MAX], before;
                struct anc_rx rx;
                socket_pair(pipe.type, pair);
                before = lowest_free();
                start_rx(&rx, v, pair[0], slots);
                expect(v, &rx, &pipe, sizes[s]);
                anc_rx_close(&rx);
                CHECK_CASE(lowest_free() == before, "%.60s leaves descriptors open", v->name);
                close_both(pair);
            }
    end();
}

TEST(each_stream_gives_the_same_through_a_socket)
{
    const struct vector *v;
    const struct line *line;
    int t;
    start();
    for (t = 0; t < 2; t++)
        for (v = vectors; v < vectors + nvectors; v++) {
            int pair[2], slots[ANC_FDS_MAX], before, *fds = files;
            struct anc_rx rx;
            if (!has_type(v, types[t]))
                continue;
            socket_pair(types[t], pair);
            for (line = v->lines; (line = next_of(v, line, 0)); fds += line++->nfds)
                CHECK_INT(raw_send(pair[0], line->bytes, line->len, fds, (int)line->nfds, 0), line->len);
            CHECK(shutdown(pair[0], SHUT_WR) == 0);
            before = lowest_free();
            start_rx(&rx, v, pair[1], slots);
            expect(v, &rx, NULL, 0);
            anc_rx_close(&rx);
            CHECK_CASE(lowest_free() == before, "%.60s leaves descriptors open", v->name);
            close_both(pair);
        }
    end();
}

/* The first bytes of a message are these. Where control is not NULL, so are its descriptors; otherwise it
 * has none. */
static void expect_sent(const char *name, const struct msghdr *msg, const struct line *line, const int *fds)
{
    static unsigned char bytes[ROOM];
    struct anc_cmsg c = {0};
    size_t len = 0, i;
    for (i = 0; i < (size_t)msg->msg_iovlen; i++) {
        CHECK(len + msg->msg_iov[i].iov_len <= sizeof bytes);
        memcpy(bytes + len, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len);
        len += msg->msg_iov[i].iov_len;
    }
    CHECK_CASE(len >= line->len && memcmp(bytes, line->bytes, line->len) == 0, "%.60s: other bytes", name);
    if (line->nfds == 0) {
        CHECK_CASE(msg->msg_controllen == 0, "%.60s: descriptors", name);
        return;
    }
    CHECK_INT(anc_next(msg, &c), 1);
    CHECK(c.level == SOL_SOCKET && c.type == SCM_RIGHTS);
    CHECK_CASE(c.len == line->nfds * sizeof(int) && memcmp(c.data, fds, c.len) == 0, "%.60s: other descriptors", name);
    CHECK_INT(anc_next(msg, &c), 0);
}

static size_t sent_len(const struct msghdr *msg)
{
    size_t len = 0, i;
    for (i = 0; i < (size_t)msg->msg_iovlen; i++)
        len += msg->msg_iov[i].iov_len;
    return len;
}

TEST(the_sending_half_makes_these_very_bytes)
{
    const struct vector *v;
    int t, made = 0;
    start();
    for (t = 0; t < 2; t++)
        for (v = vectors; v < vectors + nvectors; v++) {
            const struct line *line = v->lines;
            int pair[2], *sent_fds = files, *queued_fds = files;
            struct anc_tx tx;
            struct msghdr msg;
            if (v->error || v->foreign || !has_type(v, types[t]))
                continue;
            socket_pair(types[t], pair);
            CHECK_OK(anc_tx_init(&tx, pair[0], tx_buffer, sizeof tx_buffer, &v->limits, sizeof tx), 0);
            while (line < v->end) {
                struct anc_out out[MESSAGES];
                struct iovec iov[MESSAGES];
                const struct line *message = next_of(v, line, 1);
                size_t n = 0, i;
                for (; message < v->end && message->kind == MESSAGE; message++, n++) {
                    CHECK(n < MESSAGES);
                    memset(&out[n], 0, sizeof out[n]);
                    iov[n].iov_base = (void *)message->bytes;
                    iov[n].iov_len = message->len;
                    out[n].iov = &iov[n];
                    out[n].iovcnt = 1;
                    out[n].fds = queued_fds;
                    out[n].nfds = message->nfds;
                    queued_fds += message->nfds;
                    CHECK_OK(anc_tx_queue(&tx, &out[n]), 0);
                }
                for (; line < v->end && line->kind != MESSAGE; line++) {
                    CHECK_INT(anc_tx_next(&tx, &msg), 1);
                    expect_sent(v->name, &msg, line, sent_fds);
                    sent_fds += line->nfds;
                    CHECK_CASE(sent_len(&msg) == line->len || (line + 1 < v->end && line[1].kind == REST),
                               "%.60s: more than the batch", v->name);
                    CHECK_OK(anc_tx_sent(&tx, (ssize_t)line->len), 0);
                }
                CHECK_INT(anc_tx_next(&tx, &msg), 0);
                for (i = 0; i < n; i++)
                    CHECK_CASE(out[i].state == ANC_OUT_DONE, "%.60s: message %zu is not done", v->name, i);
                line = message;
                made++;
            }
            close_both(pair);
        }
    CHECK(made > 20);
    end();
}
