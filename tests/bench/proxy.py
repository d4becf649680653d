"""A TCP proxy that makes a loopback connection as slow as a line: every byte is held back for half the round trip, in each direction, and
the bytes of all connections together pass no faster than the line lets them. It runs in a process of its own and counts what passes.

It delays what an open connection carries; TCP's own handshake and slow start stay those of the loopback interface. A packet that is lost is
imitated by what it does to a connection: it comes later, and all behind it waits. A line that is cut drops what is on its way.
"""

import asyncio
import multiprocessing
import random
import socket

PIECE_BYTES = 64 << 10
HELD_BYTES_MAX = 64 << 20  # of a line without a limit; otherwise a quarter of a second's worth
HELD_BYTES_MIN = 128 << 10
PACKET_BYTES = 1448
SENT_AGAIN_AFTER_S = 0.2  # the shortest that Linux waits before it sends a packet again


class Line:
    """One direction, shared by all connections. `loss`: share of its packets that come only when they are sent again. `cut_after`: bytes of
    a connection in this direction, after which it is cut."""

    def __init__(self, delay_s, bytes_per_s, counter, loss=0.0, cut_after=None):
        self.delay_s, self.bytes_per_s, self.counter = delay_s, bytes_per_s, counter
        self.loss, self.cut_after, self.draw = loss, cut_after, random.Random(1)
        self.held_max = max(HELD_BYTES_MIN, int(bytes_per_s * (delay_s + 0.25))) if bytes_per_s else HELD_BYTES_MAX
        self.free_at = 0.0

    def due(self, size_bytes):
        """When this much, sent now, arrives."""
        self.counter.value += size_bytes
        now = asyncio.get_running_loop().time()
        self.free_at = max(now, self.free_at) + (size_bytes / self.bytes_per_s if self.bytes_per_s else 0)
        if self.loss and self.draw.random() > (1 - self.loss) ** (1 + size_bytes // PACKET_BYTES):
            self.free_at += SENT_AGAIN_AFTER_S
        return self.free_at + self.delay_s

    async def carry(self, reader, writer, cut):
        """From one end to the other until the end of the stream, which is carried as well, or until the line is cut."""
        queue, held, room, passed = asyncio.Queue(), [0], asyncio.Event(), 0
        delivery = asyncio.create_task(self.deliver(queue, writer, held, room))
        try:
            while data := await reader.read(PIECE_BYTES):
                passed += len(data)
                if self.cut_after and passed > self.cut_after:
                    delivery.cancel()
                    return cut()
                held[0] += len(data)
                queue.put_nowait((self.due(len(data)), data))
                while held[0] > self.held_max and not delivery.done():
                    room.clear()
                    await room.wait()
        except ConnectionError:
            pass
        queue.put_nowait((self.due(0), b""))
        await delivery

    async def deliver(self, queue, writer, held, room):
        loop = asyncio.get_running_loop()
        try:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0, due - loop.time()))
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()
                held[0] -= len(data)
                room.set()
        except (ConnectionError, OSError):
            return
        finally:
            room.set()


class Proxy:
    """Listens on `host`:`port` and forwards to `target_port` of 127.0.0.1; `bytes_per_s` None is a line without a limit. `cut_after`: for what
    is sent, and for what is received."""

    def __init__(self, target_port, rtt_s, bytes_per_s=None, *, host="127.0.0.1", loss=0.0, cut_after=(None, None)):
        self.sent, self.received, self.cuts = (multiprocessing.Value("Q", lock=False) for _ in range(3))
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"{host}:{self.port}"
        self.lines = [Line(rtt_s / 2, bytes_per_s, counter, loss, most) for counter, most in zip((self.sent, self.received), cut_after)]
        self.target_port = target_port
        self.process = multiprocessing.get_context("fork").Process(target=lambda: asyncio.run(self.serve()), daemon=True)
        self.process.start()
        self.listener.close()

    def counts(self):
        return self.sent.value, self.received.value

    def close(self):
        self.process.terminate()
        self.process.join()

    async def serve(self):
        server = await asyncio.start_server(self.connected, sock=self.listener)
        await server.serve_forever()

    async def connected(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.close()
            return
        for end in (writer, far_writer):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def cut():
            self.cuts.value += 1
            for end in (writer, far_writer):
                end.transport.abort()

        await asyncio.gather(self.lines[0].carry(reader, far_writer, cut), self.lines[1].carry(far_reader, writer, cut))
        writer.close()
        far_writer.close()
