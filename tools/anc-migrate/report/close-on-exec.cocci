// A descriptor that is not close-on-exec from the receive itself goes to every program that another
// thread starts, or that this one forgets about. Flags that the caller gives are the caller's.

@initialize:python@
@@
def close_on_exec(f):
    if not f.takes_fds() or f.has("MSG_CMSG_CLOEXEC"):
        return
    for line, _, args in f.receives():
        flags = args[2]
        if re.search(r"CLOEXEC", flags) or re.fullmatch(r"\w*[a-z]\w*", flags) and f.parameter(flags):
            continue
        if re.search(r"\b(?!MSG_)[A-Z]\w+", flags):
            continue # a macro that this file may not show
        if f.has("F_SETFD") or f.has("FD_CLOEXEC") or any("cloexec" in c[1].lower() for g in f.around() for c in g.calls):
            warning(f, line, "close-on-exec is set after the receive: a fork in between inherits the descriptor", "anc_recv_fds(3)")
        else:
            warning(f, line, "received descriptors are not close-on-exec", "anc_recv_fds(3)")

judge(close_on_exec)
