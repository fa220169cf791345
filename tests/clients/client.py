"""A Socket.IO client that a test controls: client.py URL TRANSPORTS COOKIE

It emits each line of its input, ["event", data], and prints one line for everything that it receives.
"""

import json
import sys

import requests
import socketio


def notify(*notification):
    # A single write, as events arrive on several threads.
    sys.stdout.write(f"{json.dumps(notification)}\n")
    sys.stdout.flush()


def acknowledged(event):
    return lambda *answer: notify("acknowledged", event, answer)


def main(url, transports, cookie):
    # The client would not send a `Cookie` header again when it reconnects.
    http = requests.Session()
    http.cookies.set(*cookie.split("=", 1))
    client = socketio.Client(http_session=http)
    client.on("connect", lambda: notify("connect"))
    client.on("disconnect", lambda _reason: notify("disconnect"))
    client.on("*", notify)
    client.connect(url, transports=transports.split(","))
    for line in sys.stdin:
        event, data = json.loads(line)
        client.emit(event, data, callback=acknowledged(event))
    client.disconnect()


if __name__ == "__main__":
    main(*sys.argv[1:])
