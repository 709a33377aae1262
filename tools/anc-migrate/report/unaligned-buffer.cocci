// A char array has any alignment. CMSG_FIRSTHDR makes a struct cmsghdr of it, whose reads may trap.

@initialize:python@
@@
def unaligned_buffer(f):
    for line, type, name, size in f.arrays:
        if not re.fullmatch(r"((un)?signed )?char|u_char|u?int8_t|u8", type):
            continue
        if re.search("align", original(f.file).lines(line, line), re.I):
            continue
        pointed = [value for _, _, field, value in f.assigned if field == "msg_control" and re.fullmatch(r"(\([\w *]+\))?&?%s(\[0\])?" % re.escape(name), value)]
        if pointed and ("CMSG" in size or any("CMSG_FIRSTHDR" == c[1] for g in f.around() for c in g.calls)):
            warning(f, line, "a char array has any alignment, a struct cmsghdr has not: make it a union", "anc_builder_init(3)")

judge(unaligned_buffer)
