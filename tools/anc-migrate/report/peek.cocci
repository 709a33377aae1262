// Each MSG_PEEK installs duplicates of the descriptors that wait, and the receive that follows installs
// them once more.

@initialize:python@
@@
def peek(f):
    for line, _, args in f.receives():
        if "MSG_PEEK" in args[2] and (f.takes_fds() or f.set(args[1], "msg_control")):
            warning(f, line, "MSG_PEEK with a control buffer installs duplicates of the descriptors", "anc_recvmsg(3)")

judge(peek)
