// CMSG_DATA is aligned as size_t is: 4 bytes on 32-bit systems, where a time has 8.

@initialize:python@
@@
def misaligned_time(f):
    for line, type in f.casts:
        if re.fullmatch(r"struct (timeval|timespec|scm_timestamping|bintime)", type):
            warning(f, line, "CMSG_DATA need not be aligned for a " + type, "anc_decode(3)")

judge(misaligned_time)
