// cmsg_len tells the kernel where the data ends. With CMSG_SPACE in it the padding is data too: one more
// descriptor, of the number that happens to stand there; 0 is standard input.

@initialize:python@
@@
def padding_sent(f):
    even = lambda size: re.search(r"\(?(2|4|6|8)\*sizeof *\(?int|sizeof *\(?int\)?\*(2|4|6|8)", size)
    for line, of, field, value in f.assigned:
        if field != "cmsg_len":
            continue
        text = "cmsg_len counts the padding: it is sent as one more descriptor"
        if "CMSG_SPACE" in value and not even(value):
            warning(f, line, text, "anc_put_fds(3)")
        room = re.fullmatch(r"(.*?)(?:\.|->)msg_controllen", value)
        for _, length in f.set(room.group(1), "msg_controllen") if room else []:
            array = re.fullmatch(r"sizeof *\(?([\w.>-]+?)\)?", length)
            if array:
                member = re.split(r"\.|->", array.group(1))[-1]
                declared = re.search(r"\b%s\s*\[([^\]]*)\]" % member, source(f.file).text)
                length = flat(declared.group(1)) if declared else ""
            if "CMSG_SPACE" in length and not even(length):
                warning(f, line, text, "anc_put_fds(3)")

judge(padding_sent)
