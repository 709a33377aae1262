// 0 bytes is the end of a stream. On SOCK_SEQPACKET and SOCK_DGRAM it is an empty message as well, and its
// descriptors have been installed. Only files that speak of these types are told.

@initialize:python@
@@
def end_of_file(f):
    text = source(f.file).text
    if not f.takes_fds() or not re.search(r"SOCK_(DGRAM|SEQPACKET)", text):
        return
    for line, _, args in f.receives():
        begin = source(f.file).starts[line - 1]
        n = re.search(r"(\w+)\s*=\s*(?:\([\w ]+\)\s*)?recvmsg", text[begin:])
        name = n.group(1) if n and n.start() < 120 else r"recvmsg\s*\([^;]*\)\s*\)?"
        handled = min([c[0] for c in f.calls if c[0] > line and (c[1] == "CMSG_FIRSTHDR" or any(c[1] == h.name for h in f.helpers()))] or [f.last])
        for m in re.finditer(r"\b%s\)?\s*(?:<=\s*0|==\s*0|<\s*1)|if\s*\(\s*!%s\s*\)" % (name, name), f.text(line, handled)):
            rest = f.text(line, handled)[m.end():m.end() + 160]
            if re.search(r"\b(return|goto|break)\b", rest):
                warning(f, line + f.text(line, handled)[:m.start()].count("\n"), "0 is an empty message too, on SOCK_SEQPACKET and SOCK_DGRAM: its descriptors stay open", "anc_recv_fds(3)")
                break

judge(end_of_file)
