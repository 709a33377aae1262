// A read without a control buffer closes the descriptors that come with its bytes.

@initialize:python@
@@
def plain_read(f):
    if not f.takes_fds():
        return
    socks = {args[0] for _, _, args in f.receives()}
    for line, name, args in f.called("read", "recv", "readv", "recvfrom"):
        if args[0] in socks:
            warning(f, line, name + " closes the descriptors that come with these bytes", "anc_fd_queue_recv(3)")

judge(plain_read)
