"""The wire of ancillary-channel(7), both directions, over either type of socket."""
import array, errno, os, socket, struct, time
HEADER = struct.Struct('<IHBB')  # bytes, descriptors, flags, version
MORE, VERSION, FDS, FRAME, PACKET = 1, 1, 253, 65528, 65536

class Channel:
    def __init__(self, sock, max_message=1 << 24, max_fds=FDS, max_frame=FRAME):
        self.sock, self.is_stream = sock, sock.type == socket.SOCK_STREAM
        self.max_message, self.max_fds, self.max_frame = max_message, max_fds, max_frame
        self.bytes, self.fds = b'', []  # that have come: the bytes in no frame yet, the descriptors in no message
        self.named = 0  # descriptors of the message at hand

    def send(self, message, fds):  # one frame a sendmsg; its descriptors go with the first byte, and only once
        more = True
        while more:
            payload, its, message, fds = message[:FRAME], fds[:FDS], message[FRAME:], fds[FDS:]
            more = bool(message or fds)
            frame = HEADER.pack(len(payload), len(its), MORE * more, VERSION) + payload
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', its))] if its else []
            sent = 0
            while sent == 0:
                try:
                    sent = self.sock.sendmsg([frame], rights)
                except OSError as error:
                    refuse(error.errno != errno.ETOOMANYREFS, error.errno)
                    time.sleep(0.001)  # nothing has gone, and no readiness tells when it can
            while frame := frame[sent:]:
                sent = self.sock.send(frame)

    def take(self, size, is_header):  # a stream is asked for just these bytes: the next may be another batch's
        while len(self.bytes) < size:
            may_start = is_header and not self.bytes and len(self.fds) == self.named  # a batch, or end of file
            data, control, flags, _ = self.sock.recvmsg(size - len(self.bytes) if self.is_stream else PACKET,
                                                        socket.CMSG_SPACE(4 * FDS), socket.MSG_CMSG_CLOEXEC)
            self.fds += [fd for _, _, its in control for fd in memoryview(its).cast('i')]
            refuse(flags & socket.MSG_CTRUNC, errno.EMFILE)
            refuse(control and not data, errno.EPROTO)
            refuse(not may_start and (control or not data or not self.is_stream), errno.EPROTO)
            if not data:
                return None
            self.bytes += data
        taken, self.bytes = self.bytes[:size], self.bytes[size:]
        return taken

    def recv(self):  # the next message and its descriptors; None at end of file. After an error close self.fds
        message, flags, self.named = b'', None, 0
        while flags != 0:
            if (header := self.take(HEADER.size, True)) is None:
                return refuse(flags is not None, errno.EPROTO)
            size, count, flags, version = HEADER.unpack(header)
            refuse(version != VERSION or flags & ~MORE or count > FDS, errno.EPROTO)
            refuse(size > self.max_frame or len(message) + size > self.max_message, errno.EMSGSIZE)
            self.named += count
            refuse(self.named > self.max_fds, errno.ERANGE)
            refuse(self.named > len(self.fds), errno.EPROTO)
            message += self.take(size, False)
        fds, self.fds = self.fds[:self.named], self.fds[self.named:]
        return message, fds

def refuse(condition, number):
    if condition:
        raise OSError(number, os.strerror(number))
