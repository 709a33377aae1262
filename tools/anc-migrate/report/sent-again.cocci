// After a short count the descriptors have gone with the first part. A loop that moves the bytes on and
// leaves msg_control as it was sends them again with each part.

@initialize:python@
@@
def sent_again(f):
    if not any(g.gives_fds() for g in f.around()):
        return
    for line, _, args in f.sends():
        msg = args[1]
        for _, first, last, _, body in f.loops():
            if not first <= line <= last:
                continue
            moved = [1 for at, _, field, value in f.assigned if first <= at <= last and field in ("iov_base", "iov_len") and field in value]
            anew = [1 for field in ("msg_control", "msg_controllen") for at, _ in f.set(msg, field) if first <= at <= last]
            if moved and not anew and not re.search(r"memset\s*\(\s*%s\b" % msg, body):
                warning(f, line, "after a short count the descriptors go again with the rest", "anc_send_fds(3)")
                break

judge(sent_again)
