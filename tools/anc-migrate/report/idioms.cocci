// The idioms that have a replacement, each with the page that tells it.

@initialize:python@
@@
SENT = {
    "SCM_RIGHTS": ("descriptors are sent by hand: anc_send_fds", "anc_send_fds(3)"),
    "SCM_CREDENTIALS": ("credentials are sent by hand: anc_put_credentials", "anc_put_credentials(3)"),
    "IP_PKTINFO": ("a source address by hand: anc_put_reply_from, anc_put_source", "anc_put_source(3)"),
    "IPV6_PKTINFO": ("a source address by hand: anc_put_reply_from, anc_put_source", "anc_put_source(3)"),
    "UDP_SEGMENT": ("UDP_SEGMENT by hand: anc_put_segment", "anc_put_segment(3)"),
}
RECEIVED = {
    "SCM_RIGHTS": ("descriptors are received by hand: anc_recv_fds", "anc_recv_fds(3)"),
    "SCM_CREDENTIALS": ("credentials are read by hand: anc_decode", "anc_decode(3)"),
}
for kind in "SCM_TIMESTAMP SCM_TIMESTAMPNS SCM_TIMESTAMPING SO_TIMESTAMP SO_TIMESTAMPNS IP_PKTINFO IPV6_PKTINFO IP_TTL IPV6_HOPLIMIT IP_TOS IPV6_TCLASS UDP_GRO IP_RECVERR IPV6_RECVERR SO_RXQ_OVFL IP_ORIGDSTADDR SCM_SECURITY SCM_PIDFD".split():
    RECEIVED[kind] = kind + " is read by hand: anc_decode", "anc_decode(3)"
WANTED = "SO_PASSCRED SO_PASSPIDFD SO_PASSSEC SO_TIMESTAMP SO_TIMESTAMPNS IP_PKTINFO IPV6_RECVPKTINFO IP_RECVTTL IPV6_RECVHOPLIMIT IP_RECVTOS IPV6_RECVTCLASS UDP_GRO SO_RXQ_OVFL IP_RECVORIGDSTADDR".split()
PEER = {
    "SO_PEERCRED": "anc_peer", "SO_PEERPIDFD": "anc_peer", "SO_PEERSEC": "anc_peer_label", "SO_PEERGROUPS": "anc_peer_groups",
}

def idioms(f):
    for line, _, field, value in f.assigned:
        if field == "cmsg_type" and value in SENT:
            note(f, line, *SENT[value])
    for line, _, field, value, _ in f.compared:
        if field == "cmsg_type" and value in RECEIVED:
            note(f, line, *RECEIVED[value])
    for line, _, args in f.called("setsockopt"):
        if len(args) > 2 and args[2] in WANTED:
            note(f, line, args[2] + ": anc_want", "anc_want(3)")
        if len(args) > 2 and args[2] == "SO_TIMESTAMPING":
            note(f, line, "SO_TIMESTAMPING: anc_want_timestamping", "anc_want_timestamping(3)")
    for line, _, args in f.called("getsockopt"):
        if len(args) > 2 and args[2] in PEER:
            note(f, line, f"{args[2]}: {PEER[args[2]]}", PEER[args[2]] + "(3)")
    for line, name, _ in f.called("sendmmsg", "recvmmsg"):
        note(f, line, f"{name}: anc_{name}", f"anc_{name}(3)")
    for line, name, _ in f.called("io_uring_prep_sendmsg", "io_uring_prep_sendmsg_zc"):
        note(f, line, name + ": the builder makes what it sends", "anc_builder_init(3)")
    for line, name, _ in f.called("io_uring_prep_recvmsg", "io_uring_prep_recvmsg_multishot", "io_uring_recvmsg_cmsg_firsthdr"):
        note(f, line, name + ": the same calls read what it receives", "anc_recvmsg(3)")

judge(idioms)
