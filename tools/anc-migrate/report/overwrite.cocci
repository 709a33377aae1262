// cmsg_len is what the peer has sent, and the kernel puts descriptors into padding too. Where nothing
// compares it with the room, the copy goes past the end.

@initialize:python@
@@
def overwrite(f):
    lengths = {}
    for name in re.findall(r"\b(\w+)\s*=[^=;]*cmsg_len", f.text()):
        lengths[name] = True
    for line, _, args in f.called("memcpy", "memmove", "bcopy"):
        if not f.copies_data(args):
            continue
        used = [name for name in lengths if re.search(r"\b%s\b" % name, args[2])]
        if "cmsg_len" not in args[2] and not used:
            continue
        checked = any(field == "cmsg_len" for _, _, field, _, _ in f.compared)
        text = f.text(f.line, line)
        for name in used:
            checked = checked or re.search(r"\b%s\b[^;=]*(?:[<>]|[=!]=)|(?:[<>]=?|[=!]=)[^;=]*\b%s\b|MIN\(.*%s" % (name, name, name), text)
        if not checked:
            warning(f, line, "copies as many descriptors as the peer sends, however many there is room for", "anc_recv_fds(3)")

judge(overwrite)
