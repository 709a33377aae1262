// CMSG_SPACE(sizeof(int)) has room for two descriptors on 64-bit systems. The kernel installs both,
// the program copies one, or refuses both and closes neither.

@initialize:python@
@@
def second_descriptor(f):
    if not f.takes_fds() or f.closes():
        return
    exact = any(field == "cmsg_len" and equality for _, _, field, _, equality in f.compared)
    for line in f.fd_reads():
        if exact:
            warning(f, line, "a message with another number of descriptors is refused, and they stay open", "anc_recv_fd(3)")
        else:
            warning(f, line, "a second descriptor stays open: room for one is room for two on 64-bit systems", "anc_recv_fd(3)")

judge(second_descriptor)
