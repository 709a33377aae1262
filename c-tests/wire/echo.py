"""Sends every message that comes on descriptor 0 back, until the end of file. Signals cut its sends short."""
import os, signal, socket
from peer import Channel

signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
peer = Channel(socket.socket(fileno=0), max_fds=1024)
while received := peer.recv():
    peer.send(*received)
    for fd in received[1]:
        os.close(fd)
signal.setitimer(signal.ITIMER_REAL, 0)
