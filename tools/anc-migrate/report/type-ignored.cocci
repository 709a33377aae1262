// With SO_PASSCRED on, which is inherited from the listening socket, the first control message is the
// sender's credentials, and the first int of them its pid.

@initialize:python@
@@
def type_ignored(f):
    if not f.receives() or any(g.mentions("cmsg_type") for g in [f] + f.helpers()):
        return
    for line in f.fd_reads():
        warning(f, line, "the type is not looked at: under SO_PASSCRED this is the sender's pid", "anc_recv_fd(3)")

judge(type_ignored)
