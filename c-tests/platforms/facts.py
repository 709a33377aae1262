"""facts.py plan SYSTEM ROOT | plant SYSTEM ROOT VALUES: the constants and layouts that src/ has for a
system, held against the system's own headers.

plan prints a C file that a compiler for the system turns into assembly: the headers' values, a line
`->KEY VALUE` each. plant reads these and appends to the files in ROOT, a copy of the sources, an assertion
for each constant and layout, so that it compiles only if they agree. A constant that the headers do not
know, and that is not explained here, is an error."""

import re
import sys

SYSTEMS = {
    # headers, then the files of src/ with the system's numbers
    "freebsd": (
        "sys/types.h sys/socket.h sys/un.h sys/time.h sys/ucred.h net/if_dl.h netinet/in.h fcntl.h pthread.h sys/stat.h",
        "sys/posix.rs sys/bsd.rs sys/freebsd.rs cmsg/kinds/freebsd.rs cmsg/kinds/bsd.rs cmsg/kinds/cmsgcred.rs cmsg/kinds/kame.rs cmsg/kinds/shapes.rs",
    ),
    "netbsd": (
        "sys/types.h sys/socket.h sys/un.h sys/time.h net/if_dl.h netinet/in.h fcntl.h pthread.h sys/stat.h",
        "sys/posix.rs sys/bsd.rs sys/netbsd.rs cmsg/kinds/netbsd.rs cmsg/kinds/bsd.rs cmsg/kinds/kame.rs cmsg/kinds/shapes.rs",
    ),
    "openbsd": (
        "sys/types.h sys/socket.h sys/un.h sys/time.h net/if_dl.h netinet/in.h fcntl.h pthread.h sys/stat.h",
        "sys/posix.rs sys/bsd.rs sys/openbsd.rs cmsg/kinds/openbsd.rs cmsg/kinds/bsd.rs cmsg/kinds/kame.rs cmsg/kinds/shapes.rs",
    ),
    "xnu": (
        "sys/types.h sys/socket.h sys/un.h sys/time.h sys/ucred.h net/if_dl.h netinet/in.h fcntl.h pthread.h sys/stat.h",
        "sys/posix.rs sys/bsd.rs sys/xnu.rs cmsg/kinds/xnu.rs cmsg/kinds/bsd.rs cmsg/kinds/kame.rs cmsg/kinds/shapes.rs",
    ),
    "linux": (
        "sys/types.h sys/socket.h sys/un.h sys/time.h netinet/in.h fcntl.h pthread.h sys/stat.h",
        "sys/posix.rs",
    ),
}

# What has another name in C; by the name alone, or file and name.
NAMES = {
    "LEVEL": "SOL_SOCKET",
    "kame.rs:LEVEL": "IPPROTO_IPV6",
    "IP": "IPPROTO_IP",
    "CMSG_ALIGN": "(CMSG_SPACE(1) - CMSG_SPACE(0))",
    "TIMEVAL": "sizeof(struct timeval)",
    "TIMESPEC": "sizeof(struct timespec)",
    "BINTIME": "sizeof(struct bintime)",
    "CMSGCRED": "sizeof(struct cmsgcred)",
    "SOCKCRED2": "offsetof(struct sockcred2, sc_groups)",
    "SOCKCRED": "offsetof(struct sockcred, sc_groups)",
    "SOCKADDR_IN": "sizeof(struct sockaddr_in)",
    "SOCKADDR_DL": "sizeof(struct sockaddr_dl)",
    "PKTINFO": "sizeof(struct in_pktinfo)",
    "PKTINFO6": "sizeof(struct in6_pktinfo)",
}
# What no header has: bounds of the kernel, the library's own, and sums of the others.
OWN = {"ARRIVING_MAX", "FDS_MAX", "IOV_MAX", "HEADER", "DATAGRAMS", "DATAGRAMS6", "ENODATA", "ETOOMANYREFS",
       "STATUS_FLAGS", "O_ACCMODE", "HAS_CMSG_CLOEXEC", "POLLIN", "POLLOUT"}
# Where a system's file says that it lacks something, its headers do.
LACKING = {"0", "None", "-1"}

# Structs of Rust: the C type and its members, in the order of the Rust fields.
STRUCTS = {
    "bsd.rs:CmsgHeader": ("struct cmsghdr", "len=cmsg_len level=cmsg_level kind=cmsg_type"),
    "freebsd.rs:Xucred": ("struct xucred", "version=cr_version uid=cr_uid ngroups=cr_ngroups groups=cr_groups rest=_cr_unused1"),
    "freebsd.rs:CleanupBuffer": ("struct _pthread_cleanup_info", ""),
    "freebsd.rs:Bintime": ("struct bintime", "sec=sec frac=frac"),
    "cmsgcred.rs:Cmsgcred": ("struct cmsgcred", "pid=cmcred_pid uid=cmcred_uid euid=cmcred_euid gid=cmcred_gid ngroups=cmcred_ngroups groups=cmcred_groups"),
    "freebsd.rs:Sockcred2": ("struct sockcred2", "version=sc_version pid=sc_pid uid=sc_uid euid=sc_euid gid=sc_gid egid=sc_egid ngroups=sc_ngroups groups=sc_groups"),
    "netbsd.rs:Sockcred": ("struct sockcred", "pid=sc_pid uid=sc_uid euid=sc_euid gid=sc_gid egid=sc_egid ngroups=sc_ngroups groups=sc_groups"),
    "netbsd.rs:CleanupBuffer": ("struct pthread_cleanup_store", ""),
    "netbsd.rs:crate::sys::Peer": ("struct unpcbid", "pid=unp_pid uid=unp_euid gid=unp_egid"),
    "openbsd.rs:PeerCredentials": ("struct sockpeercred", "uid=uid gid=gid pid=pid"),
    "xnu.rs:Xucred": ("struct xucred", "version=cr_version uid=cr_uid ngroups=cr_ngroups groups=cr_groups"),
    "xnu.rs:CleanupBuffer": ("struct __darwin_pthread_handler_rec", "routine=__routine arg=__arg next=__next"),
    "posix.rs:libc::msghdr": ("struct msghdr", "msg_name=msg_name msg_namelen=msg_namelen msg_iov=msg_iov msg_iovlen=msg_iovlen "
                              "msg_control=msg_control msg_controllen=msg_controllen msg_flags=msg_flags"),
    "posix.rs:libc::iovec": ("struct iovec", "iov_base=iov_base iov_len=iov_len"),
}
# Of these the first members alone are known.
PREFIXES = {"xnu.rs:Thread": ("struct _opaque_pthread_t", "signature=__sig cleanups=__cleanup_stack")}
# The rest of what the code takes from the libc crate.
LIBC = {
    "freebsd netbsd openbsd xnu linux": "SOL_SOCKET SO_ACCEPTCONN SO_TYPE F_SETFD FD_CLOEXEC F_GETFL F_DUPFD_CLOEXEC S_IFMT "
    "IPPROTO_UDP IPPROTO_TCP IPPROTO_ICMP IPPROTO_ICMPV6 O_APPEND O_NONBLOCK O_SYNC EMFILE EMSGSIZE EAGAIN EINTR EINVAL "
    "ENOBUFS EBADMSG EPROTO ERANGE ENOPROTOOPT ETIMEDOUT ENOTCONN",
    "freebsd netbsd openbsd linux": "MSG_NOSIGNAL",
}


def constants(root, path):
    """Each constant of a file: its name, its type, and what it is said to be."""
    text = re.sub(r"#\[cfg\(test\)\].*", "", open(f"{root}/src/{path}").read(), flags=re.S)
    found = re.findall(r"^ *(?:pub(?:\([^)]*\))? )?const ([A-Z][A-Z0-9_]*): (c_int|usize|u16|u32|Option<c_int>) =\s*([^;]*);", text, re.M)
    return [(name, kind, " ".join(value.split())) for name, kind, value in found]


def plan(system, root):
    headers, files = SYSTEMS[system]
    out, asserts, planted = [], [], {}
    count = 0

    def want(key, expression):
        out.append(f'    __asm__ volatile(".ascii \\"->{key} %c0\\"" : : "i"((long)({expression})));')

    # What bsd.rs says of all is said anew by a system that has otherwise.
    own = {name for path in files.split() if path.startswith("sys/") and path != "sys/bsd.rs" for name, _, _ in constants(root, path)}
    for path in files.split():
        base = path.split("/")[-1]
        text = open(f"{root}/src/{path}").read()
        for name, kind, value in constants(root, path):
            if name in OWN or path == "sys/bsd.rs" and name in own:
                continue
            if value in LACKING and name not in ("IP", "LEVEL", "SOL_LOCAL", "PTHREAD_CANCEL_DISABLE"):
                asserts.append(f"#ifdef {name}\n#error the headers have {name}, src/{path} has not\n#endif")
                count += 1
                continue
            c = NAMES.get(f"{base}:{name}", NAMES.get(name, name))
            key = f"K{count}"
            want(key, c)
            rust = f"{name}.unwrap()" if kind.startswith("Option") else name
            planted.setdefault(path, []).append((key, rust, name))
            count += 1
        for table, whole in ((STRUCTS, True), (PREFIXES, False)):
            for key_of, (c, members) in table.items():
                where, struct = key_of.split(":", 1)
                if where != base or not (re.search(rf"(struct|type) {struct} ", text) or ("::" in struct and path.startswith("sys/"))):
                    continue
                if whole:
                    key = f"K{count}"
                    want(key, f"sizeof({c})")
                    planted.setdefault(path, []).append((key, f"core::mem::size_of::<{struct}>()", f"the size of {c}"))
                    count += 1
                for member in members.split():
                    rust, field = member.split("=")
                    key = f"K{count}"
                    want(key, f"offsetof({c}, {field})")
                    planted.setdefault(path, []).append((key, f"core::mem::offset_of!({struct}, {rust})", f"the place of {c}.{field}"))
                    count += 1
                    key = f"K{count}"
                    want(key, f"sizeof((({c} *)0)->{field})")
                    width = f"{{ const fn of<T, F>(_: fn(&T) -> &F) -> usize {{ size_of::<F>() }} of(|a: &{struct}| &a.{rust}) }}"
                    planted.setdefault(path, []).append((key, width, f"the size of {c}.{field}"))
                    count += 1
    for systems, names in LIBC.items():
        if system in systems.split():
            for name in names.split():
                key = f"K{count}"
                want(key, name)
                planted.setdefault("sys/posix.rs", []).append((key, f"libc::{name}", name))
                count += 1
    # The room of every payload, by the headers' macro and by the library's function.
    for length in (0, 1, 3, 4, 5, 8, 12, 16, 20, 24, 48, 84, 253 * 4, 512, 512 * 4):
        for macro, function in (("CMSG_SPACE", "space"), ("CMSG_LEN", "len")):
            key = f"K{count}"
            want(key, f"{macro}({length})")
            planted.setdefault("cmsg/space.rs", []).append((key, f"{function}({length}).unwrap()", f"{macro}({length})"))
            asserts.append(f"_Static_assert(ANC_{macro[5:]}({length}) == {macro}({length}), \"ANC_{macro[5:]}({length})\");")
            count += 2
    key = f"K{count}"
    want(key, "ANC_CONTROL_MAX")
    planted.setdefault("cmsg/space.rs", []).append((key, "CONTROL_MAX", "ANC_CONTROL_MAX"))
    c = "".join(f"#include <{header}>\n" for header in headers.split())
    c += "#include <stddef.h>\n#include <errno.h>\n#include <ancillary.h>\n" + "\n".join(asserts)
    c += "\nvoid facts(void);\nvoid facts(void)\n{\n" + "\n".join(out) + "\n}\n"
    return c, planted, count + 1


def main():
    command, system, root = sys.argv[1:4]
    c, planted, count = plan(system, root)
    if command == "plan":
        print(c)
        return
    values = dict(re.findall(r"->(K\d+) \D?(-?\d+)", open(sys.argv[4]).read()))
    for path, rows in planted.items():
        with open(f"{root}/src/{path}", "a") as file:
            for key, rust, what in rows:
                file.write(f'const _: () = assert!(({rust}) as i64 == ({values[key]}_i64), "{what} of the headers is {values[key]}");\n')
    print(count)


main()
