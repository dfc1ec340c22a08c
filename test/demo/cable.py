"""A cable between a client and a server's unix socket: python3 cable.py HERE THERE. SIGUSR1 cuts it: connections stay
open, and nothing comes through; SIGUSR2 mends it."""
import os, selectors, signal, socket, sys

cut = False
peers, watched = {}, selectors.DefaultSelector()

def set_cut(number, frame):
    global cut
    cut = number == signal.SIGUSR1

def close(end):
    for each in (end, peers[end]):
        watched.unregister(each)
        each.close()
    del peers[peers[end]], peers[end]

signal.signal(signal.SIGUSR1, set_cut)
signal.signal(signal.SIGUSR2, set_cut)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(16)
watched.register(listener, selectors.EVENT_READ)
while os.getppid() != 1:
    if cut:
        signal.sigtimedwait([], 0.1)
        continue
    for key, _ in watched.select(0.2):
        end = key.fileobj
        if end is listener:
            near, far = listener.accept()[0], socket.socket(socket.AF_UNIX)
            try:
                far.connect(sys.argv[2])
            except OSError:
                near.close()
                continue
            peers[near], peers[far] = far, near
            watched.register(near, selectors.EVENT_READ)
            watched.register(far, selectors.EVENT_READ)
        elif end in peers:
            try:
                data = end.recv(65536)
                if data:
                    peers[end].sendall(data)
                    continue
            except OSError:
                pass
            close(end)
