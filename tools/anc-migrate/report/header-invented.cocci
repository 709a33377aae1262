// After recvmsg a header stands in the buffer only if msg_controllen says so, which CMSG_FIRSTHDR asks.
// Read without it, it is that of the message before, or of nobody.

@initialize:python@
@@
def header_invented(f):
    if not f.receives() or f.called("CMSG_FIRSTHDR") or f.gives_fds() or "msg_controllen" in re.sub(r"msg_controllen\s*=[^=]", "", f.text()):
        return
    for line, _, args in f.called("CMSG_DATA"):
        if args[0].startswith("&"):
            warning(f, line, "the header may be one that the kernel did not write: msg_controllen is not asked", "anc_recv_fds(3)")

judge(header_invented)
