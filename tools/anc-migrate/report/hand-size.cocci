// The header's size and the data's are not all: there is padding behind both.

@initialize:python@
@@
def hand_size(f):
    pattern = r"sizeof *\(?struct cmsghdr\)?\+|\+sizeof *\(?struct cmsghdr\)?"
    text = "the size is put together without padding: ANC_SPACE, ANC_FDS_SPACE"
    for line, _, name, size in f.arrays:
        if re.search(pattern, size):
            warning(f, line, text, "anc_space(3)")
    for line, _, field, value in f.assigned:
        if field in ("msg_controllen", "cmsg_len") and re.search(pattern, value):
            warning(f, line, text, "anc_space(3)")
    for line, name, args in f.called("malloc", "calloc", "alloca", "xmalloc", "xcalloc"):
        if any(re.search(pattern, argument) for argument in args):
            warning(f, line, text, "anc_space(3)")

judge(hand_size)
