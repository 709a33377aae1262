#!/bin/sh
# selftest.sh STAGE OUT: compiles the examples as a stranger would, with what pkg-config prints for the library
# installed below STAGE, and talks to them over the loopback. All but hand-over.c and opener.cpp need python3.
set -eu
stage=$1 out=$2
here=$(dirname "$0")
export PKG_CONFIG_PATH="$stage/lib/pkgconfig"
mkdir -p "$out"
compile() { # PROGRAM SOURCE FLAG...
    program=$1 source=$2
    shift 2
    # shellcheck disable=SC2046,SC2086 # lists of flags
    ${CC:-cc} "$@" -O1 -g -Wall -Wextra -Werror ${CFLAGS:-} "$here/$source.c" -o "$out/$program" \
        $(pkg-config --cflags --libs ancillary) -Wl,-rpath,"$(pkg-config --variable=libdir ancillary)"
}

compile hand-over hand-over -std=c11
compile hand-over-hasty hand-over -std=c11 -DDEADLINE_MS=200
compile hand-over-test hand-over-test -std=c11
sockets=$(mktemp -d) # a socket's name must be short
programs=$(cd "$out" && pwd)
if ! "$programs/hand-over-test" "$programs/hand-over" "$programs/hand-over-hasty" "$sockets"; then
    cat "$sockets/log"
    exit 1
fi
rm -r "$sockets"

# Those in C++.
if command -v "${CXX:-c++}" > /dev/null; then
    for program in shout opener; do
        # shellcheck disable=SC2046,SC2086
        ${CXX:-c++} -std=c++11 -O1 -g -Wall -Wextra -Werror ${CFLAGS:-} "$here/$program.cpp" -o "$out/$program" \
            $(pkg-config --cflags --libs ancillary) -Wl,-rpath,"$(pkg-config --variable=libdir ancillary)"
    done
    secret=$(mktemp)
    echo 'the first line' > "$secret"
    answer=$("$out/opener" "$secret" /nonexistent)
    expected="$secret (which I could $([ "$(id -u)" -ne 0 ] || echo 'not ')open): the first line
/nonexistent: No such file or directory
/etc/shadow: not allowed"
    rm "$secret"
    [ "$answer" = "$expected" ] || { echo "FAIL opener: $answer"; exit 1; }
    echo 'ok   opener: a worker without privileges reads what its broker opens'
else
    echo 'skipped: shout, opener: this machine has no C++ compiler'
fi

command -v python3 > /dev/null || { echo 'skipped: all but hand-over and opener: this machine has no python3'; exit 0; }
for program in anc-show udp-server tx-timestamps; do
    compile $program $program -std=c99
done
exec python3 - "$out" <<'PYTHON'
import os, re, socket, subprocess, sys, time

out = sys.argv[1]

def free_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("::", 0))
        return s.getsockname()[1]

def check(claim, what):
    print(("ok   " if claim else "FAIL ") + what)
    if not claim:
        sys.exit(1)

def show(kind, where, send):
    shower = subprocess.Popen([out + "/anc-show", kind, where, "1"], stdout=subprocess.PIPE, text=True)
    while shower.poll() is None:            # until it listens
        try:
            send()
            break
        except (ConnectionRefusedError, FileNotFoundError):
            pass
    text = shower.communicate(timeout=10)[0]
    check(shower.returncode == 0, f"anc-show {kind} ends")
    return text

def connected(family, kind, to, data):
    with socket.socket(family, kind) as s:
        s.connect(to)
        s.send(data)
        if kind == socket.SOCK_DGRAM and family != socket.AF_UNIX:
            s.settimeout(0.05)              # a closed port is told by the next call
            try:
                s.recv(1)
            except TimeoutError:
                pass

def rights(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(path)
        socket.send_fds(s, [b"x"], [0, 1])

path = f"{out}/show.sock"
if os.path.exists(path):
    os.unlink(path)
text = show("unix", path, lambda: rights(path))
check("[SCM_RIGHTS, 8 bytes]" in text and "2 descriptors" in text and f"process {os.getpid()} of user" in text, "unix: rights, credentials")
if os.path.exists(f"{out}/shout"):
    path = f"{out}/shout.sock"
    server = subprocess.Popen([f"{out}/shout", "server", path, "2"], stdout=subprocess.PIPE, text=True)
    check(server.stdout.readline() == "ready\n", "shout is ready")
    texts = [["hello", "-without seals", "world"], [f"text {i}" for i in range(500)]]
    clients = [subprocess.Popen([f"{out}/shout", "client", path] + t, stdout=subprocess.PIPE, text=True) for t in texts]
    for client, t in zip(clients, texts):
        answers = client.communicate(timeout=30)[0].splitlines()
        expected = ["refused: Operation not permitted" if s[0] == "-" else "here it is: " + s.upper() for s in t]
        check(client.returncode == 0 and answers == expected, f"shout answers {len(t)} messages with their memory")
    check(server.wait(10) == 0, "shout ends")
port = free_port()
text = show("udp", str(port), lambda: connected(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port), b"x"))
check("sent to 127.0.0.1" in text and "64 hops left" in text and "arrived at 1" in text, "udp: address, hops, time")
port = free_port()
text = show("udp6", str(port), lambda: connected(socket.AF_INET6, socket.SOCK_DGRAM, ("::1", port), b"x"))
check("sent to ::1" in text and "ECN 0" in text, "udp6: address, class")
port = free_port()
text = show("tcp", str(port), lambda: connected(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port), b"x"))
check(text.startswith("1 bytes") or text.startswith("0 bytes"), "tcp: bytes")

port = free_port()
server = subprocess.Popen([out + "/udp-server", str(port), "13"], stdout=subprocess.PIPE, text=True)
check(server.stdout.readline() == "ready\n", "udp-server is ready")
for family, address in (socket.AF_INET, "127.1.2.3"), (socket.AF_INET6, "::1"):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        v4 = family == socket.AF_INET
        s.setsockopt(socket.IPPROTO_IP if v4 else socket.IPPROTO_IPV6, socket.IP_TOS if v4 else socket.IPV6_TCLASS, 0xb9)
        s.setsockopt(socket.IPPROTO_IP if v4 else socket.IPPROTO_IPV6, 13 if v4 else socket.IPV6_RECVTCLASS, 1)
        s.sendto(b"question", (address, port))
        data, control, _, peer = s.recvmsg(100, 100)
        check(data == b"question" and peer[0] == address, f"udp-server answers from {address}")
        check(control[0][2][0] == 0xb9, "with the class and ECN of the question")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(10)
    s.setsockopt(17, 103, 100)              # UDP_SEGMENT: one send of 11 datagrams
    s.sendto(bytes(1050), ("127.0.0.1", port))
    sizes = [len(s.recv(2000)) for _ in range(11)]
    check(sizes == [100] * 10 + [50], "and cuts its answer up as the question was")
check(server.wait(10) == 0 and "1050 bytes in 11 datagrams" in server.stdout.read(), "udp-server ends")

for family, address in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.bind((address, 0))
        sender = subprocess.run([out + "/tx-timestamps", address, str(s.getsockname()[1]), "5"], stdout=subprocess.PIPE, text=True, timeout=20)
        check(sender.returncode == 0 and [s.recv(100) for _ in range(5)] == [b"datagram"] * 5, f"tx-timestamps sends to {address}")
    stamps = [re.fullmatch(r"datagram (\d+): scheduled \+(\d+) us, left the kernel \+(\d+) us", line) for line in sender.stdout.splitlines()]
    check(len(stamps) == 5 and all(stamps), "and learns when each of its datagrams left")
    stamps = [[int(n) for n in stamp.groups()] for stamp in stamps]
    check(all(number == i and scheduled <= left < 10_000_000 for i, (number, scheduled, left) in enumerate(stamps)), "the scheduler before the device")
PYTHON
