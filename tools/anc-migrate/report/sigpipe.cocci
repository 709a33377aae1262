// sendmsg to a peer that has gone ends the process, unless MSG_NOSIGNAL is given or SIGPIPE is taken care
// of. Nobody is told where one of the files given speaks of SIGPIPE.

@initialize:python@
@@
def sigpipe(f):
    if not f.gives_fds() or "ANC_MIGRATE_SIGPIPE" in os.environ:
        return
    for line, _, args in f.sends():
        if re.fullmatch(r"[\d|]*(MSG_(?!NOSIGNAL)\w+\|?)*", args[2]):
            warning(f, line, "a peer that has gone raises SIGPIPE", "anc_send_fds(3)")

judge(sigpipe)
