"""Goal: the line that backups are measured over is as slow as it is said to be, and carries every byte and the end of each stream. Only lower
bounds of time are tested: a busy machine makes everything slower."""

import contextlib
import socket
import threading
import time
import unittest

from proxy import SENT_AGAIN_AFTER_S, Proxy

RTT_S = 0.04


def send(end, content):
    with contextlib.suppress(OSError):
        end.sendall(content)
        end.shutdown(socket.SHUT_WR)


class ProxyTest(unittest.TestCase):
    def setUp(self):
        """A server that sends back what it gets, until the end."""
        self.server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.server.close)
        threading.Thread(target=self.echo, daemon=True).start()

    def echo(self):
        end, _ = self.server.accept()
        with end, contextlib.suppress(OSError):
            while data := end.recv(1 << 16):
                end.sendall(data)
            end.shutdown(socket.SHUT_WR)

    def proxy(self, bytes_per_s=None, **more):
        proxy = Proxy(self.server.getsockname()[1], RTT_S, bytes_per_s, **more)
        self.addCleanup(proxy.close)
        return proxy

    def exchange(self, proxy, content):
        """What came back, and after how many seconds."""
        with socket.create_connection(("127.0.0.1", proxy.port)) as end:
            started = time.monotonic()
            threading.Thread(target=send, args=(end, content), daemon=True).start()
            back = b""
            with contextlib.suppress(ConnectionError):
                while data := end.recv(1 << 16):
                    back += data
            return back, time.monotonic() - started

    def test_a_byte_takes_a_round_trip_to_come_back(self):
        back, seconds = self.exchange(self.proxy(), b"a")
        self.assertEqual(b"a", back)
        self.assertGreaterEqual(seconds, RTT_S)

    def test_everything_arrives_in_order_and_is_counted(self):
        proxy, content = self.proxy(), bytes(range(256)) * 8192
        self.assertEqual(content, self.exchange(proxy, content)[0])
        self.assertEqual((len(content), len(content)), proxy.counts())

    def test_the_line_lets_no_more_through_than_it_carries(self):
        _, seconds = self.exchange(self.proxy(bytes_per_s=1 << 20), bytes(1 << 18))
        self.assertGreaterEqual(seconds, 0.25)

    def test_what_is_lost_comes_later(self):
        back, seconds = self.exchange(self.proxy(loss=1.0), b"a")
        self.assertEqual(b"a", back)
        self.assertGreaterEqual(seconds, RTT_S + 2 * SENT_AGAIN_AFTER_S)

    def test_a_cut_line_carries_no_more_than_it_may(self):
        proxy, content = self.proxy(cut_after=(None, 1 << 19)), bytes(range(256)) * 8192
        back, _ = self.exchange(proxy, content)
        self.assertLessEqual(len(back), 1 << 19)
        self.assertEqual(content[: len(back)], back)
        self.assertEqual(1, proxy.cuts.value)


if __name__ == "__main__":
    unittest.main()
