// sendmsg to a peer that has gone ends the process, unless MSG_NOSIGNAL is given or SIGPIPE is taken care
// of. Only files that do not speak of SIGPIPE at all are told.

@initialize:python@
@@
def sigpipe(f):
    if not f.gives_fds() or "SIGPIPE" in source(f.file).text or f.has("MSG_NOSIGNAL"):
        return
    for line, _, args in f.sends():
        if re.fullmatch(r"[\d|]*(MSG_(?!NOSIGNAL)\w+\|?)*", args[2]):
            warning(f, line, "a peer that has gone raises SIGPIPE", "anc_send_fds(3)")

judge(sigpipe)
