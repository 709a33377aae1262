/* What streams do with descriptors, row by row of the kernel's behaviour as it was measured, seen
 * through anc_recv_fds. */
#include "harness.h"

enum { ENOUGH = 4096 };

/* Sends words: "AAAA BBBB+1 CCCC": each one send, the digit tells how many descriptors, all of
 * `fds` in order. Returns how many descriptors have gone. */
static int send_words(int sock, const char *words, const int *fds)
{
    int sent = 0;
    while (*words) {
        size_t len = strcspn(words, " +");
        int n = words[len] == '+' ? words[len + 1] - '0' : 0;
        CHECK_INT(raw_send(sock, words, len, fds + sent, n, 0), len);
        sent += n;
        words += strcspn(words, " ");
        words += strspn(words, " ");
    }
    return sent;
}

/* Receives with these sizes (the last one over and over) until nothing is left, and writes down
 * what came: "AAAABBBB+1 CCCCDDDD+2", where the number says which descriptor it was. */
static void receive_words(int sock, const size_t *sizes, const int *fds, int sent, char *out)
{
    for (;; sizes += sizes[1] != 0) {
        char buf[ENOUGH];
        int came[8], i, k;
        size_t nfds = 99;
        ssize_t n = anc_recv_fds(sock, buf, *sizes, came, 8, &nfds, ANC_DONTWAIT);
        if (n == -1) {
            CHECK_INT(errno, EAGAIN);
            out[-1] = 0;
            return;
        }
        out += sprintf(out, "%.*s", (int)n, buf);
        for (i = 0; i < (int)nfds; i++) {
            for (k = 0; k < sent && !same_file(fds[k], came[i]); k++)
                ;
            out += sprintf(out, "+%d", k + 1);
        }
        anc_close_fds(came, nfds);
        *out++ = ' ';
    }
}

static void row(const char *words, const size_t *sizes, const char *expected)
{
    int pair[2], fds[8], sent;
    char out[128] = "";
    socket_pair(SOCK_STREAM, pair);
    new_descriptors(fds, 8);
    sent = send_words(pair[0], words, fds);
    receive_words(pair[1], sizes, fds, sent, out);
    CHECK_CASE(strcmp(out, expected) == 0, "'%s' came as '%s', not '%s'", words, out, expected);
    anc_close_fds(fds, 8);
    close_both(pair);
}

#define SIZES(...) ((const size_t[]){__VA_ARGS__, 0})
#define ROW(name, words, sizes, expected) TEST(name) { row(words, sizes, expected); }

/* The digit counts descriptors in what is sent, and names them in what comes. */
#define FOUR "AAAA BBBB+1 CCCC DDDD+1"
ROW(reads_of_100_stop_at_the_end_of_the_send_that_a_descriptor_came_with, FOUR, SIZES(100),
    "AAAABBBB+1 CCCCDDDD+2")
ROW(reads_of_12_stop_at_the_end_of_the_send_that_a_descriptor_came_with, FOUR, SIZES(12),
    "AAAABBBB+1 CCCCDDDD+2")
ROW(reads_of_1_bring_a_descriptor_with_the_first_byte_of_its_send, FOUR, SIZES(1),
    "A A A A B+1 B B B C C C C D+2 D D D")
ROW(reads_of_3_glue_and_cut, FOUR, SIZES(3), "AAA ABB+1 BBC CCC DDD+2 D")
ROW(reads_of_5_glue_and_cut, FOUR, SIZES(5), "AAAAB+1 BBBCC CCDDD+2 D")
ROW(reads_of_6_glue_and_cut, FOUR, SIZES(6), "AAAABB+1 BBCCCC DDDD+2")
ROW(a_read_of_5_then_100_glues_the_tail_to_what_follows, FOUR, SIZES(5, 100),
    "AAAAB+1 BBBCCCCDDDD+2")
ROW(sends_with_descriptors_side_by_side_glue_only_over_a_tail, "BBBB+1 DDDD+1", SIZES(2, 100),
    "BB+1 BBDDDD+2")
ROW(no_call_gives_the_descriptors_of_two_sends, "A+1 B+1 C+1", SIZES(100), "A+1 B+2 C+3")
ROW(descriptors_of_one_send_stay_together_and_in_order, "AA+3 BB+2", SIZES(1), "A+1+2+3 A B+4+5 B")
ROW(plain_sends_are_glued, "AAAA BBBB CCCC", SIZES(100), "AAAABBBBCCCC")

TEST(a_large_send_is_cut_and_its_descriptor_rides_on_the_first_piece)
{
    static char bytes[150000], got[200000];
    int pair[2], fd = new_descriptor(), came;
    size_t nfds, sum = 0;
    ssize_t sent, n;
    socket_pair(SOCK_STREAM, pair);
    sent = raw_send(pair[0], bytes, sizeof bytes, &fd, 1, MSG_DONTWAIT);
    CHECK_INT(sent, sizeof bytes);
    n = anc_recv_fds(pair[1], got, sizeof got, &came, 1, &nfds, 0);
    CHECK(n > 0 && n < sent);
    CHECK(nfds == 1 && same_file(fd, came));
    close(came);
    printf("     150000 bytes came as %zd with the descriptor, and then ", n);
    for (sum = (size_t)n; sum < sizeof bytes; sum += (size_t)n) {
        n = anc_recv_fds(pair[1], got, sizeof got, &came, 1, &nfds, 0);
        CHECK(n > 0 && nfds == 0);
        printf("%zd%s", n, sum + (size_t)n < sizeof bytes ? ", " : "\n");
    }
    close(fd);
    close_both(pair);
}

TEST(ANC_ALL_bridges_what_MSG_WAITALL_does_not)
{
    static char bytes[150000], got[sizeof bytes];
    int pair[2], fd = new_descriptor(), came;
    size_t nfds, i;
    for (i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(raw_send(pair[0], bytes, sizeof bytes, &fd, 1, MSG_DONTWAIT), sizeof bytes);
    CHECK_OK(anc_recv_fds(pair[1], got, sizeof got, &came, 1, &nfds, ANC_ALL), sizeof got);
    CHECK(memcmp(bytes, got, sizeof got) == 0);
    CHECK(nfds == 1 && same_file(fd, came));
    close(came);
    close(fd);
    close_both(pair);
}

TEST(a_0_byte_send_with_descriptors_would_lose_them_and_is_refused)
{
    int pair[2], fd = new_descriptor();
    socket_pair(SOCK_STREAM, pair);
    CHECK_INT(raw_send(pair[0], "", 0, &fd, 1, 0), 0); /* what the kernel does: success */
    EXPECT_NOTHING(pair[1]);
    CHECK_ERRNO(anc_send_fds(pair[0], "", 0, &fd, 1, 0), EINVAL);
    close(fd);
    close_both(pair);
}

TEST(a_0_byte_receive_would_take_the_descriptors_and_leave_the_bytes_and_is_refused)
{
    int pair[2], fd = new_descriptor(), came[ANC_FDS_MAX], n;
    size_t nfds = 99;
    char byte;
    socket_pair(SOCK_STREAM, pair);
    raw_send(pair[0], "hello", 5, &fd, 1, 0);
    CHECK_ERRNO(anc_recv_fds(pair[1], &byte, 0, came, 1, &nfds, 0), EINVAL);
    CHECK_INT(nfds, 0);
    EXPECT(pair[1], "hello", &fd, 1);
    raw_send(pair[0], "hello", 5, &fd, 1, 0); /* what the kernel does: looks like end of file */
    CHECK_INT(raw_recv(pair[1], &byte, 0, came, &n, MSG_DONTWAIT), 0);
    CHECK_INT(n, 1);
    close(came[0]);
    EXPECT(pair[1], "hello", NULL, 0);
    close(fd);
    close_both(pair);
}

/* Three sends of a child, between two of this process; its own process id each. */
static void send_from_two_processes(int sock)
{
    pid_t child;
    raw_send(sock, "AA", 2, NULL, 0, 0);
    raw_send(sock, "AA", 2, NULL, 0, 0);
    child = fork();
    if (child == 0) {
        raw_send(sock, "BB", 2, NULL, 0, 0);
        _exit(0);
    }
    check_child(child);
    raw_send(sock, "CC", 2, NULL, 0, 0);
}

TEST(a_read_stops_where_the_sending_process_changes_and_ANC_ALL_goes_on)
{
    static const int options[] = {SO_PASSCRED, SO_PASSPIDFD};
    static const char *const words[] = {"AAAA", "BB", "CC"};
    int i, w;
    for (i = 0; i < 2; i++) {
        int pair[2], on = 1;
        char buf[16];
        socket_pair(SOCK_STREAM, pair);
        if (setsockopt(pair[1], SOL_SOCKET, options[i], &on, sizeof on) != 0)
            skip("SO_PASSPIDFD: %s", strerror(errno));
        send_from_two_processes(pair[0]);
        for (w = 0; w < 3; w++) {
            CHECK_OK(anc_recv_fds(pair[1], buf, 16, NULL, 0, NULL, 0), strlen(words[w]));
            CHECK(memcmp(buf, words[w], strlen(words[w])) == 0);
        }
        send_from_two_processes(pair[0]);
        CHECK_OK(anc_recv_fds(pair[1], buf, 8, NULL, 0, NULL, ANC_ALL), 8);
        CHECK(memcmp(buf, "AAAABBCC", 8) == 0);
        close_both(pair);
    }
}

TEST(credentials_switched_on_late_crowd_out_nothing)
{
    int pair[2], fd = new_descriptor(), came;
    size_t nfds;
    char buf[16];
    socket_pair(SOCK_STREAM, pair);
    raw_send(pair[0], "early", 5, &fd, 1, 0);
    option(pair[1], SO_PASSCRED, 1);
    CHECK_OK(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), 5);
    CHECK(nfds == 1 && same_file(fd, came));
    close(came);
    close(fd);
    close_both(pair);
}

TEST(nonblocking_a_count_means_gone_and_EAGAIN_not_gone)
{
    static char large[1 << 20];
    int pair[2], fds[2];
    ssize_t n;
    socket_pair(SOCK_STREAM, pair);
    CHECK(fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    new_descriptors(fds, 2);
    n = anc_send_fds(pair[0], large, sizeof large, fds, 2, 0);
    CHECK(n > 0 && n < (ssize_t)sizeof large);
    CHECK_ERRNO(anc_send_fds(pair[0], large, sizeof large, fds, 2, 0), EAGAIN);
    CHECK_INT(drain_socket(pair[1]), 2);
    anc_close_fds(fds, 2);
    close_both(pair);
}

TEST(a_time_out_in_the_middle_of_a_blocking_send_gives_the_count_so_far)
{
    static char large[1 << 20];
    const struct timeval soon = {0, 10000};
    int pair[2], fds[2];
    ssize_t n;
    socket_pair(SOCK_STREAM, pair);
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon) == 0);
    new_descriptors(fds, 2);
    n = anc_send_fds(pair[0], large, sizeof large, fds, 2, 0);
    CHECK(n > 0 && n < (ssize_t)sizeof large);
    CHECK_ERRNO(anc_send_fds(pair[0], large, sizeof large, fds, 2, 0), EAGAIN);
    CHECK_INT(drain_socket(pair[1]), 2);
    anc_close_fds(fds, 2);
    close_both(pair);
}

/* Half close and peeks. */

/* The reading end of a pipe whose writing end went into `sock`. */
static int send_pipe(int sock)
{
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    CHECK_OK(anc_send_fd(sock, ends[1], ANC_MOVE), 0);
    return ends[0];
}

static int is_held(int reading_end)
{
    char byte;
    ssize_t n = read(reading_end, &byte, 1);
    return n == -1 && errno == EAGAIN;
}

TEST(queued_descriptors_survive_the_senders_close)
{
    int pair[2], end, got;
    socket_pair(SOCK_STREAM, pair);
    end = send_pipe(pair[0]);
    close(pair[0]);
    CHECK(is_held(end));
    got = anc_recv_fd(pair[1], 0);
    CHECK(got >= 0 && write(got, "x", 1) == 1);
    CHECK_ERRNO(anc_recv_fd(pair[1], 0), EPIPE);
    close(got);
    close(end);
    close(pair[1]);
}

TEST(queued_descriptors_survive_the_receivers_shutdown)
{
    int pair[2], end, got;
    socket_pair(SOCK_STREAM, pair);
    end = send_pipe(pair[0]);
    CHECK(shutdown(pair[1], SHUT_RD) == 0);
    got = anc_recv_fd(pair[1], 0);
    CHECK(got >= 0 && is_held(end));
    close(got);
    CHECK_ERRNO(anc_recv_fd(pair[1], 0), EPIPE);
    close(end);
    close_both(pair);
}

TEST(closing_the_receiver_releases_queued_descriptors_at_once)
{
    int pair[2], end;
    socket_pair(SOCK_STREAM, pair);
    end = send_pipe(pair[0]);
    CHECK(is_held(end));
    close(pair[1]);
    CHECK(!is_held(end));
    close(end);
    close(pair[0]);
}

TEST(surplus_and_refused_descriptors_are_released_not_only_forgotten)
{
    int pair[2], end;
    char byte;
    size_t nfds;
    socket_pair(SOCK_STREAM, pair);
    end = send_pipe(pair[0]);
    CHECK_OK(anc_recv_fds(pair[1], &byte, 1, NULL, 0, &nfds, ANC_TRIM), 1);
    CHECK(!is_held(end));
    close(end);
    end = send_pipe(pair[0]);
    CHECK_ERRNO(anc_recv_fds(pair[1], &byte, 1, NULL, 0, &nfds, 0), ERANGE);
    CHECK(!is_held(end));
    close(end);
    close_both(pair);
}

TEST(queued_replies_come_before_ECONNRESET_and_then_the_end_of_the_file)
{
    int pair[2], fd = new_descriptor(), came;
    size_t nfds;
    char buf[16];
    socket_pair(SOCK_STREAM, pair);
    raw_send(pair[1], "unread", 6, NULL, 0, 0);
    raw_send(pair[0], "reply", 5, &fd, 1, 0);
    close(pair[0]);
    CHECK_OK(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), 5);
    CHECK_INT(nfds, 1);
    close(came);
    CHECK_ERRNO(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), ECONNRESET);
    CHECK_INT(nfds, 0);
    CHECK_OK(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), 0);
    close(fd);
    close(pair[1]);
}

TEST(peeking_without_control_space_leaves_the_descriptors_for_the_receive)
{
    int pair[2], fd = new_descriptor(), came, i;
    size_t nfds;
    char buf[16];
    socket_pair(SOCK_STREAM, pair);
    raw_send(pair[0], "plain", 5, NULL, 0, 0);
    raw_send(pair[0], "with", 4, &fd, 1, 0);
    for (i = 0; i < 3; i++)
        CHECK(recv(pair[1], buf, 16, MSG_PEEK) > 0);
    CHECK_OK(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), 9);
    CHECK(nfds == 1 && same_file(fd, came));
    close(came);
    close(fd);
    close_both(pair);
}

TEST(a_peek_at_plain_bytes_hands_out_the_next_sends_descriptors_and_the_receive_gives_them_again)
{
    int pair[2], fd = new_descriptor(), peeked[ANC_FDS_MAX], n, came;
    size_t nfds;
    char buf[16];
    socket_pair(SOCK_STREAM, pair);
    raw_send(pair[0], "plain", 5, NULL, 0, 0);
    raw_send(pair[0], "with", 4, &fd, 1, 0);
    CHECK(raw_recv(pair[1], buf, 16, peeked, &n, MSG_PEEK) > 0);
    CHECK_INT(n, 1);
    close(peeked[0]);
    CHECK_OK(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), 9);
    CHECK(nfds == 1 && same_file(fd, came));
    close(came);
    close(fd);
    close_both(pair);
}

TEST(the_descriptors_of_an_out_of_band_byte_never_arrive_and_leak_nowhere)
{
    int pair[2], ends[2], came;
    size_t nfds;
    char buf[16];
    socket_pair(SOCK_STREAM, pair);
    CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    if (raw_send(pair[0], "!", 1, &ends[1], 1, MSG_OOB) != 1)
        skip("the kernel has no MSG_OOB on Unix sockets: %s", strerror(errno));
    close(ends[1]);
    raw_send(pair[0], "bytes", 5, NULL, 0, 0);
    CHECK_OK(anc_recv_fds(pair[1], buf, 16, &came, 1, &nfds, 0), 5);
    CHECK_INT(nfds, 0);
    close_both(pair);
    CHECK(!is_held(ends[0]));
    close(ends[0]);
}
