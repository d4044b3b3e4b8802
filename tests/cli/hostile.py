"""Hostile clients against a server on a unix socket.

    hostile.py SOCKET PID ATTACK

Each attack is made three times; after each the server must answer and have as
many descriptors as before. The first two let its heap find its size; the last
must not leave it larger by more than GROWTH_KB. If it does, the attack goes on: it
is growth when five more rounds all grew. Sizes of memory are not looked at when
SMT_HOSTILE_MEMORY=0, as under a sanitizer.
"""
import json
import os
import random
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import time

PATH, PID = sys.argv[1], int(sys.argv[2])
GROWTH_KB = 2048
PATIENCE = 30  # seconds for something that must come


def connect():
    client = socket.socket(socket.AF_UNIX)
    client.connect(PATH)  # waits where the queue is full, which a time limit would not
    client.settimeout(PATIENCE)
    return client


def received(client):
    """All until the server hangs up."""
    data = b""
    try:
        while piece := client.recv(65536):
            data += piece
    except ConnectionError:
        pass
    return data


def line_of(client):
    data = b""
    while not data.endswith(b"\n"):
        piece = client.recv(65536)
        assert piece, f"hung up after {data!r}"
        data += piece
    return data


def ask(line):
    with connect() as client:
        client.sendall(line + b"\n")
        return line_of(client)


def send(client, data):
    """False: the server has hung up, as it may."""
    try:
        client.sendall(data)
        return True
    except ConnectionError:
        return False


def assert_serves():
    assert ask(b"core.version").startswith(b"mtctl "), "does not answer"


def descriptors():
    return len(os.listdir(f"/proc/{PID}/fd"))


def memory_kb():
    with open(f"/proc/{PID}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def settle(count):
    """Waits until the server has closed what it has to; sockets are counted."""
    end = time.monotonic() + PATIENCE
    left = count + 1
    while left > count and time.monotonic() < end:
        assert_serves()  # taken in behind all others: none is waiting any more
        left = descriptors()
    assert left <= count, f"{left} descriptors, before {count}"


# --- packets -------------------------------------------------------------------


def binrpc(payload):
    return b"\xa1\x07" + struct.pack(">HI", len(payload), 0x1234ABCD) + payload


def text_record(text):
    data = text.encode() + b"\0"
    return bytes([0x91, len(data)]) + data


def call(method, *params, id=1):
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": id}).encode()


ONE = call("mt.mem_used", "k")
PACKETS = [
    binrpc(text_record("mt.mem_used") + b"\x21k\0"),
    binrpc(text_record("mt.mem_used") + b"\x03\x04\x84\x83"),
    ONE + b"\n",
    b"[" + ONE + b"," + call("nosuch") + b"]\n",
    b"%d:%s," % (len(ONE), ONE),
    b'cfg.get misctest "mem_check_content"\n',
]


def mutated(packet, chance):
    data = bytearray(packet * chance.randint(1, 3))
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data[place] = chance.randrange(256)
        elif kind == 1:
            data[place:place] = bytes(chance.choices(b"\0\xff[]{}\":;,\n\r 09\xa1\x83\x84", k=4))
        elif kind == 2 and len(data) > 2:
            del data[place]
        else:
            data[place] ^= 1 << chance.randrange(8)
    return bytes(data)


# --- attacks -------------------------------------------------------------------


def truncated():
    """Every packet cut at every place: left half open, half closed or closed."""
    clients = []
    for packet in PACKETS:
        for size in range(len(packet)):
            client = connect()
            send(client, packet[:size])
            if size % 3 == 0:
                client.shutdown(socket.SHUT_WR)
            if size % 3 == 1:
                client.close()
            else:
                clients.append(client)
    assert_serves()
    for client in clients:
        client.close()


def noise():
    """Packets with a few bytes changed: an answer or a hang-up, nothing else."""
    chance = random.Random(4711)
    for _ in range(1500):
        with connect() as client:
            if send(client, mutated(chance.choice(PACKETS), chance)):
                client.shutdown(socket.SHUT_WR)
            received(client)


def oversized():
    """More than a message may have, in every protocol: told, as far as it can
    be, and dropped long before the client has sent it all."""
    endless = [
        (b"\xa1\x0f\xff\xff\xff\xff\0\0\0\0", b"x", b"\xa1"),
        (b'{"a":"', b"x", b'{"jsonrpc"'),
        (b"[", b"[", b'{"jsonrpc"'),
        (b"9999999:", b"x", b'94:{"jsonrpc"'),
        (b"cfg.sets misctest message_data ", b"x", b"error: 400"),
    ]
    for begin, filler, answer in endless:
        with connect() as client:
            sent = 0
            client.settimeout(0.2)
            try:
                client.sendall(begin)
                while sent < 64 << 20:
                    sent += client.send(filler * 65536)
            except (ConnectionError, TimeoutError):
                pass
            assert sent < 8 << 20, f"{begin!r}: took {sent} bytes"
            client.settimeout(PATIENCE)
            # What was answered may be lost when the server closes on unread bytes.
            data = received(client)
            assert data.startswith(answer) or not data, data[:100]


def slow():
    """Clients that ask for much and read nothing do not make the server keep it:
    neither the answers to many lines, nor those to one batch of 60 MB of help."""
    clients = [connect() for _ in range(40)]
    batch = b"[" + b",".join([call("help")] * 15000) + b"]\n"
    for _ in range(4):
        clients.append(connect())
        clients[-1].sendall(batch)
    for client in clients[:40]:
        client.setblocking(False)
        try:
            for _ in range(2000):
                client.send(b"help\n" * 100)
        except BlockingIOError:
            pass
    assert_serves()
    if memory_counts():
        limit = quiet_kb + 40 * 600 + 4 * 20000
        assert memory_kb() < limit, f"{memory_kb()} kB, at most {limit} kB"
    for client in clients:
        client.close()


def killed():
    """Clients that die while the server works or writes for them."""
    script = (
        "import socket,sys\n"
        "c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1])\n"
        "c.sendall(b'help\\n' * 5000 + b'mt.lock_test 1000000\\n'); c.recv(10)\n"
        "print('reading', flush=True)\n"
        "while c.recv(10): pass\n"
    )
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", script, PATH], stdout=subprocess.PIPE
        ) as child:
            child.stdout.readline()
            child.send_signal(signal.SIGKILL)
    for i in range(60):
        client = connect()
        send(client, b"mt.lock_test 100000\nhelp\n" if i % 2 else ONE * 50)
        client.close()


def crowd():
    """10,000 connections, or as many as this process may have: half of them in
    the middle of a message. Others are served meanwhile."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with open(f"/proc/{PID}/limits") as limits:
        server_limit = next(line.split()[3] for line in limits if line.startswith("Max open files"))
    most = min(10000, limit - 100, int(server_limit) - 100)
    clients = []
    for i in range(most):
        client = connect()
        if i % 2:
            client.send(PACKETS[i % len(PACKETS)][:-1])
        clients.append(client)
    assert_serves()
    assert descriptors() >= most, f"{descriptors()} descriptors for {most} clients"
    clients[0].sendall(b"core.version\n")
    assert line_of(clients[0]).startswith(b"mtctl ")
    for client in clients:
        client.close()


def descriptors_gone():
    """More clients than the server has descriptors for (its hard limit is low):
    those it has are answered; the others once there is room."""
    clients = []
    for _ in range(200):
        client = connect()
        client.setblocking(False)
        try:
            client.send(b"core.version\n")
        except ConnectionError:
            pass
        clients.append(client)
    answered = 0
    end = time.monotonic() + 3
    while answered < 20 and time.monotonic() < end:
        answered = len(select.select(clients, [], [], 0.1)[0])
    assert answered >= 20, f"only {answered} of 200 were answered"
    assert_idle()
    for client in clients:
        client.close()
    assert_serves()


def assert_idle():
    """Being unable to do something is no reason to try it all the time."""

    def ticks():
        with open(f"/proc/{PID}/stat") as stat:
            return sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:13]))

    before = ticks()
    time.sleep(0.5)
    used = (ticks() - before) / os.sysconf("SC_CLK_TCK")
    assert used < 0.25, f"{used} s of processor time in half a second"


def memory_gone():
    """Messages until memory runs out (the server's address space is small): some
    are dropped, and when they are gone the server serves."""
    clients = []
    for _ in range(400):
        try:
            client = connect()
            client.settimeout(0.05)
            client.sendall(b'["' + b"x" * 700000)
        except OSError:
            pass
        clients.append(client)
    dropped = sum(bool(select.select([client], [], [], 0)[0]) for client in clients)
    assert dropped > 0, "nobody was dropped: memory did not run out"
    for _ in range(100):  # meanwhile, answered or dropped, but not left waiting
        with connect() as client:
            if send(client, b"core.version\n"):
                client.shutdown(socket.SHUT_WR)
            received(client)
    for client in clients:
        client.close()
    # JSON takes many times its text's size.
    for _ in range(5):
        with connect() as client:
            if send(client, b"[" + b"[],{}," * 170000 + b"1]\n"):
                client.shutdown(socket.SHUT_WR)
            received(client)
    assert_serves()


def server_time():
    """What the server has had of the processors: the clock of its process."""
    return time.clock_gettime(~PID << 3 | 2)


def busy():
    """Others are answered within 50 ms while much memory is filled and a timed
    test runs. One in ten may be late: on a loaded machine the scheduler makes
    some wait. Time in which others have the processors does not count."""
    heavy, light = connect(), connect()
    took = []
    ask(b"mem_test_start 1 64 100000 1 2 60000 k")
    heavy.sendall(b"mem_rnd_alloc 16 4096 300000000\n")
    while not select.select([heavy], [], [], 0)[0]:
        begin, server_begin = time.monotonic(), server_time()
        light.sendall(b"core.version\n")
        line_of(light)
        took.append(min(time.monotonic() - begin, server_time() - server_begin))
    assert line_of(heavy) == b"ok\n"
    heavy.sendall(b"mem_free\nmem_test_destroy_all\n")
    while not line_of(heavy).endswith(b"ok\n"):
        pass
    took.sort()
    late = took[len(took) * 9 // 10]
    print(f"{len(took)} answers: 90 % within {late * 1000:.2f} ms, all {took[-1] * 1000:.2f} ms")
    assert len(took) > 10 and late < 0.05
    heavy.close()
    light.close()


def memory_counts():
    return os.environ.get("SMT_HOSTILE_MEMORY") != "0"


attack = globals()[sys.argv[3]]
assert_serves()
ask(b"mem_test_start 1 2 3 1 1 1")  # the first one opens what it needs for all
ask(b"mem_test_destroy_all")
quiet_kb = memory_kb()
quiet_descriptors = descriptors()
sizes_kb = [quiet_kb]


def grows():
    return sizes_kb[-1] > max(sizes_kb[:-1]) + GROWTH_KB


# What malloc keeps may grow in one round; a leak grows in each.
while len(sizes_kb) <= 3 or (memory_counts() and grows() and len(sizes_kb) <= 8):
    attack()
    settle(quiet_descriptors)
    sizes_kb.append(memory_kb())
print(f"{sys.argv[3]}: {', then '.join(map(str, sizes_kb))} kB")
if memory_counts():
    assert not grows(), "it grows"
