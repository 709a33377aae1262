// Credentials, labels and time stamps come before descriptors, and which of them come is the socket's
// business. Who looks at the first message only loses the descriptors behind it, open.

@initialize:python@
@@
def first_only(f):
    if not f.takes_fds():
        return
    if re.search(r"CMSG_NXTHDR|CMSG_FOREACH", "".join(g.text() for g in f.around())):
        return
    if not f.mentions("cmsg_type"):
        return
    for line, _, _ in f.called("CMSG_FIRSTHDR"):
        warning(f, line, "only the first control message is looked at: credentials come before descriptors", "anc_recv_fds(3)")

judge(first_only)
