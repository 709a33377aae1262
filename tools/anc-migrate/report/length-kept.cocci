// recvmsg writes into msg_controllen how much has come. In a loop that does not set it anew, a message
// without control data leaves no room for the descriptors of all that follow. A loop in which no control
// message is read tries again after a failure, which writes nothing.

@initialize:python@
@@
def length_kept(f):
    for line, _, args in f.receives():
        if not args[1].startswith("&") or not f.set(args[1], "msg_control"):
            continue
        readers = [c[0] for c in f.calls if c[1] in ("CMSG_FIRSTHDR", "CMSG_DATA") or any(c[1] == h.name and "CMSG_" in h.text() for h in f.helpers())]
        around = [loop for loop in f.loops() if loop[1] <= line <= loop[2] and any(loop[1] <= at <= loop[2] for at in readers)]
        if not around:
            continue
        _, first, last, _, body = around[0] # the outermost
        inside = [at for at, _ in f.set(args[1], "msg_controllen") if first <= at <= last]
        cleared = re.search(r"(memset|bzero|explicit_bzero)\s*\(\s*%s\b|\b%s\s*=\s*[({]" % (args[1], args[1][1:]), body)
        if not inside and not cleared and not re.search(r"\bmsghdr\b[^;]*\b%s\b" % args[1][1:], body):
            warning(f, line, "msg_controllen is not set anew: what the last message lacked is no room for the next", "anc_recvmsg(3)")

judge(length_kept)
