// Where the control buffer ends too early a credential is cut anywhere, and what lies behind it is junk;
// zeros are root.

@initialize:python@
@@
def short_credentials(f):
    if any(field == "cmsg_len" for g in f.around() for _, _, field in g.fields):
        return
    if not any(g.receives() for g in f.around()) or not f.called("CMSG_DATA"):
        return
    for line, _, field, value, _ in f.compared:
        if field == "cmsg_type" and value == "SCM_CREDENTIALS":
            warning(f, line, "the length is not looked at: a credential that was cut reads as junk, or as root", "anc_get(3)")

judge(short_credentials)
