// On a stream, descriptors without a byte are dropped: the call succeeds, and nothing arrives.

@initialize:python@
@@
def no_bytes(f):
    if not f.gives_fds():
        return
    for line, _, args in f.sends():
        msg, text = args[1], "descriptors without bytes: a stream drops them"
        given = f.set(msg, "msg_iov")
        for at, value in given:
            if value in ("NULL", "0"):
                warning(f, at, text, "anc_send_fd(3)")
        for at, value in f.set(msg, "msg_iovlen"):
            if value == "0":
                warning(f, at, text, "anc_send_fd(3)")
        if msg.startswith("&") and not given and re.search(r"\bstruct\s+msghdr\s[^;]*\b%s\s*(;|=\s*\{)" % msg[1:], f.text()) and not re.search(r"=\s*\{\s*[^.\s0}]", f.text()):
            warning(f, line, text, "anc_send_fd(3)")

judge(no_bytes)
