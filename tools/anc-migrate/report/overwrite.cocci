// cmsg_len is what the peer has sent, and the kernel puts descriptors into padding too. Where nothing
// compares it with the room, the copy goes past the end.

@initialize:python@
@@
def overwrite(f):
    lengths = {}
    for name in re.findall(r"\b(\w+)\s*=[^=;]*cmsg_len", f.text()):
        lengths[name] = True
    for line, _, args in f.copies():
        used = [name for name in lengths if re.search(r"\b%s\b" % name, args[2])]
        if "cmsg_len" not in args[2] and not used:
            continue
        checked = any(field == "cmsg_len" for _, _, field, _, _ in f.compared)
        text = f.text(f.line, line)
        for name in used:
            before = r"\b%s\b[^;={}]*((?<!-)[<>]|[=!]=)" % name
            after = r"((?<!-)[<>]=?|[=!]=)[^;={}]*\b%s\b" % name
            checked = checked or re.search(before + "|" + after + r"|MIN\([^;]*\b%s\b" % name, text)
        if not checked:
            warning(f, line, "copies as many descriptors as the peer sends, however many there is room for", "anc_recv_fds(3)")

judge(overwrite)
