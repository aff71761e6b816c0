"""Receives Florin's webhooks: pip install standardwebhooks==1.0.1

    WEBHOOK_SECRET=whsec_... python receiver.py 4242
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
# The ids of events that were handled, and the newest one of each object. Keep them in your database, in the transaction
# of what you do about the event.
handled, newest = set(), {}
# Events come side by side, each on a thread of its own.
one_at_a_time = threading.Lock()


def handle(event):
    """Does something about an event, once for each event, and nothing about one that is older than the last."""
    with one_at_a_time:
        if event["id"] in handled:
            return
        handled.add(event["id"])
        object_id = event["data"]["object"]["id"]
        if event["sequence"] > newest.get(object_id, 0):
            newest[object_id] = event["sequence"]
        print("verified", event["type"], event["id"], object_id, flush=True)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        # The signature is of these very bytes: verify before anything else, and parse what was verified.
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            webhook.verify(body.decode(), {name.lower(): value for name, value in self.headers.items()})
        except (WebhookVerificationError, UnicodeDecodeError) as error:
            print("refused", error, flush=True)
            return self.answer(400)
        # Answer soon: hand longer work to a queue.
        handle(json.loads(body))
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
