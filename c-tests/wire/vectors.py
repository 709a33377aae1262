"""vectors.py FILE: the peer makes of each vector's stream what the vector says."""
import array, errno, os, socket, sys
from peer import FDS, FRAME, Channel

TYPES = {'stream': socket.SOCK_STREAM, 'seqpacket': socket.SOCK_SEQPACKET}


def data(words):
    parts = (word.partition('*') for word in words)
    return b''.join(bytes.fromhex(word) * int(times or 1) for word, _, times in parts)


def vectors(path):
    found = []
    for line in open(path):
        key, *words = line.partition('#')[0].split() or ['']
        if key == 'vector':
            found.append({'name': words[0], 'on': list(TYPES), 'limits': [0, 0, 0], 'batch': [], 'message': []})
        elif key == 'on':
            found[-1]['on'] = words
        elif key == 'limits':
            found[-1]['limits'] = [int(word) for word in words]
        elif key in ('batch', 'message'):
            found[-1][key].append((int(words[0]), data(words[1:])))
        elif key == 'rest':
            found[-1]['batch'].append((0, data(words)))
        elif key in ('end', 'error'):
            found[-1]['error'] = words[0] if words else None
    return found


def run(vector, kind, files):
    sender, receiver = socket.socketpair(socket.AF_UNIX, TYPES[kind])
    number = 0
    for count, content in vector['batch']:
        fds = array.array('i', files[number:number + count])
        sender.sendmsg([content], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if fds else [])
        number += count
    sender.close()
    limits = [limit or default for limit, default in zip(vector['limits'], (1 << 24, FDS, FRAME))]
    channel, number = Channel(receiver, *limits), 0
    for count, content in vector['message']:
        message, fds = channel.recv()
        assert message == content and len(fds) == count, 'another message'
        assert all(map(os.path.sameopenfile, fds, files[number:])), 'other descriptors'
        number += count
        for fd in fds:
            os.close(fd)
    try:
        assert channel.recv() is None, 'a message too many'
        error = None
    except OSError as refusal:
        error = errno.errorcode[refusal.errno]
    assert error == vector['error'], f'{error}, not {vector["error"]}'
    for fd in channel.fds:
        os.close(fd)


def main():
    count, files = 0, [os.memfd_create('') for _ in range(300)]
    for vector in vectors(sys.argv[1]):
        for kind in vector['on']:
            try:
                run(vector, kind, files)
            except Exception as error:
                sys.exit(f'{vector["name"]}, {kind}: {error!r}')
            count += 1
    print(count)


main()
