// With MSG_CTRUNC the kernel has installed as many descriptors as there was room for. An early return
// leaves them open: a peer can fill the table that way.

@initialize:python@
@@
def truncation_leaks(f):
    src = source(f.file)
    if not f.takes_fds():
        return
    for line in f.words.get("MSG_CTRUNC", []):
        gathered = [c[0] for c in f.calls if c[0] < line and (c[1] == "CMSG_FIRSTHDR" or any(c[1] == h.name and "SCM_RIGHTS" in h.words for h in f.helpers()))]
        before = src.text[:src.starts[line]].rfind("if")
        opened = src.text.find("(", before)
        if gathered or before < src.starts[f.line - 1] or src.line_at(before) < line - 2 or opened == -1:
            continue
        condition_end = src.close(opened)
        body = src.text[condition_end:src.statement(condition_end)]
        if re.search(r"!\s*\(?[^|)]*MSG_CTRUNC", src.text[opened:condition_end]):
            continue
        if re.search(r"\breturn\b", body) and not re.search(CLOSES, body):
            warning(f, line, "MSG_CTRUNC is an error, and what was installed stays open", "anc_close_unclaimed(3)")
        goto = re.search(r"\bgoto\s+(\w+)", body)
        if goto and not re.search(CLOSES, body) and not re.search(CLOSES, f.text().split(goto.group(1) + ":")[-1]):
            warning(f, line, "MSG_CTRUNC is an error, and what was installed stays open", "anc_close_unclaimed(3)")

judge(truncation_leaks)
