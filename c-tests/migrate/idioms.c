/* Each idiom once: a note names the page. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int ask(int sock)
{
    int on = 1;
    struct ucred peer;
    socklen_t len = sizeof peer;
    setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);     /* note: SO_PASSCRED: anc_want [see anc_want(3)] */
    setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);  /* note: SO_TIMESTAMPNS: anc_want [see anc_want(3)] */
    setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPING, &on, sizeof on); /* note: SO_TIMESTAMPING: anc_want_timestamping [see anc_want_timestamping(3)] */
    setsockopt(sock, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);      /* note: IP_PKTINFO: anc_want [see anc_want(3)] */
    return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len); /* note: SO_PEERCRED: anc_peer [see anc_peer(3)] */
}

void look(struct msghdr *msg)
{
    struct cmsghdr *c;
    for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_type == SCM_RIGHTS) /* note: descriptors are received by hand: anc_recv_fds [see anc_recv_fds(3)] */
            return;
        if (c->cmsg_type == SCM_CREDENTIALS) /* note: credentials are read by hand: anc_decode [see anc_decode(3)] */
            return;
        if (c->cmsg_type == IP_PKTINFO) /* note: IP_PKTINFO is read by hand: anc_decode [see anc_decode(3)] */
            return;
    }
}

void fill(struct cmsghdr *c, int what)
{
    if (what == 0)
        c->cmsg_type = SCM_RIGHTS; /* note: descriptors are sent by hand: anc_send_fds [see anc_send_fds(3)] */
    else if (what == 1)
        c->cmsg_type = SCM_CREDENTIALS; /* note: credentials are sent by hand: anc_put_credentials [see anc_put_credentials(3)] */
    else
        c->cmsg_type = IP_PKTINFO; /* note: a source address by hand: anc_put_reply_from, anc_put_source [see anc_put_source(3)] */
}

int batch(int sock, struct mmsghdr *v)
{
    return sendmmsg(sock, v, 2, 0) + recvmmsg(sock, v, 2, 0, NULL); /* note: recvmmsg: anc_recvmmsg [see anc_recvmmsg(3)] note: sendmmsg: anc_sendmmsg [see anc_sendmmsg(3)] */
}
