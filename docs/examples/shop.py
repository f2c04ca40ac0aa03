"""A ticket shop that oversells: it reads how many seats are left, and then writes. docs/any-shop.md attacks it.

    python3 shop.py [PORT]
"""

import json
import sys
import threading
import time
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STOCK = 20
PAYMENT_SECONDS = 0.005

tickets = []  # Who owns which seat.
# The fix is one line: between reading and writing, nobody else may do either.
# one_at_a_time = threading.Lock()
one_at_a_time = nullcontext()


def buy(buyer):
    """The seat that the buyer gets, or None when the shop is sold out."""
    with one_at_a_time:
        seat = len(tickets) + 1  # Read ...
        if seat > STOCK:
            return None
        time.sleep(PAYMENT_SECONDS)  # ... wait for the payment ...
        tickets.append({"buyer": buyer, "seat": seat})  # ... then write.
        return seat


class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # Keeps connections open.

    def do_GET(self):
        if self.path == "/tickets":
            self.answer(200, {"tickets": tickets})
        elif self.path == "/stock":
            self.answer(200, {"left": STOCK - len(tickets)})
        else:
            self.answer(404, {"error": "no such page"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/reset":
            tickets.clear()
            self.answer(200, {})
        elif self.path == "/buy":
            seat = buy(json.loads(body)["buyer"])
            if seat is None:
                self.answer(409, {"error": "sold out"})
            else:
                self.answer(201, {"seat": seat})
        else:
            self.answer(404, {"error": "no such page"})

    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Ten thousand lines would only slow it down."""


class Server(ThreadingHTTPServer):
    request_queue_size = 1024  # Connections that may wait to be accepted.
    daemon_threads = True


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    server = Server(("127.0.0.1", numbers[0] if numbers else 8000), Shop)
    print(f"The shop is open at http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
