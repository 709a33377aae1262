#!/bin/sh
# selftest.sh STAGE OUT: compiles the examples as a stranger would, with what pkg-config prints for the library
# installed below STAGE, and talks to them. Those that need somebody to talk to need python3.
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

for program in sealed-memfd epoll-channel credentials activate activated; do
    compile $program $program -std=c11
done
"$out/sealed-memfd" > "$out/sealed-memfd.log"
if diff - "$out/sealed-memfd.log" <<'LETTERS'
sealed: "what you see is what there is"
not sealed: refused: Operation not permitted
sealed by half: refused: Operation not permitted
empty: refused: 0 bytes
a pipe: refused: Operation not permitted
a directory: refused: Operation not permitted
LETTERS
then echo 'ok   sealed-memfd reads what is sealed, and nothing else'; else exit 1; fi
[ "$(timeout 100 "$out/epoll-channel")" = '10 clients, 200 messages each with a descriptor: 10 well served' ] || { echo 'FAIL epoll-channel'; exit 1; }
echo 'ok   epoll-channel serves all its clients'

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

command -v python3 > /dev/null || { echo 'skipped: the other examples: this machine has no python3'; exit 0; }
for program in anc-show udp-server tx-timestamps; do
    compile $program $program -std=c99
done
exec python3 - "$out" <<'PYTHON'
import os, re, socket, subprocess, sys, tempfile, time

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

sockets = tempfile.TemporaryDirectory()     # a socket's name must be short
os.chmod(sockets.name, 0o711)
door = sockets.name + "/door"
with subprocess.Popen([out + "/credentials", "serve", door], stdout=subprocess.PIPE, text=True) as server:
    try:
        check(server.stdout.readline() == "ready\n", "credentials is ready")
        me = os.geteuid()
        ask = lambda *user: subprocess.run([out + "/credentials", "ask", door, "hello", *user], stdout=subprocess.PIPE, text=True, timeout=20)
        check(ask().stdout == f"you are user {me}\n" * 2, "it answers its own user")
        check(server.stdout.readline() == '"hello": by the process that connected\n', "and knows who speaks")
        check(server.stdout.readline() == '"hello": by another process\n', "when a child uses its parent's connection too")
        if me == 0:
            check(ask("65534").returncode == 3, "it lets nobody else in")
            check(server.stdout.readline() == "user 65534 is not let in\n", "whom it knows by the kernel's word")
        else:
            print("skipped: another user at credentials' door: it takes root to be one")
    finally:
        server.kill()

door = sockets.name + "/activated"
with subprocess.Popen([out + "/activate", out + "/activated", door, "3"], stdout=subprocess.PIPE, text=True) as manager:
    try:
        while not os.path.exists(door) and manager.poll() is None:
            time.sleep(0.01)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger, open("/dev/null") as null:
            stranger.connect(door + ".notify")
            socket.send_fds(stranger, [b"FDSTORE=1\nFDNAME=count"], [null.fileno()])
        for i in 1, 2, 3:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                while s.connect_ex(door) != 0:
                    time.sleep(0.01)        # it is bound, and not yet listening
                check(s.recv(100) == f"answer {i}\n".encode(), f"activated, started for the {i}. time, goes on counting")
        check(manager.wait(10) == 0, "activate ends")
        text = manager.stdout.read()
        check(text.count("the service is ready") == 3 and text.count('the service stores "count"') == 1, "the count is stored once")
        check(text.count("somebody else speaks") == 1, "and nothing of a stranger's")
    finally:
        manager.kill()
alone = subprocess.run([out + "/activated"], stderr=subprocess.PIPE, env={"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "door"})
check(alone.returncode == 2, "activated does not take what is another process's")
PYTHON
