// With a full descriptor table, or too small a control buffer, recvmsg succeeds with fewer descriptors
// or none. MSG_CTRUNC is all that tells. A message that the caller gives is the caller's to look at.

@initialize:python@
@@
def truncation_ignored(f):
    if not f.takes_fds() or f.has("MSG_CTRUNC"):
        return
    for line, _, args in f.receives():
        if not f.parameter(args[1]):
            warning(f, line, "MSG_CTRUNC is not looked at: descriptors that were lost look as if none had been sent", "anc_truncation_cause(3)")

judge(truncation_ignored)
