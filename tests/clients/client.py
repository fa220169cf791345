"""A client of Socket.IO in a test's hands: client.py URL TRANSPORTS COOKIE

Each line of its input, ["event", data], is emitted. What happens to it is told line by line.
"""

import json
import sys

import requests
import socketio


def tell(*happening):
    # One write: things happen in several threads.
    sys.stdout.write(f"{json.dumps(happening)}\n")
    sys.stdout.flush()


def acknowledged(event):
    return lambda *answer: tell("acknowledged", event, answer)


def main(url, transports, cookie):
    # A `Cookie` among the headers would be forgotten when the client connects again.
    http = requests.Session()
    http.cookies.set(*cookie.split("=", 1))
    client = socketio.Client(http_session=http)
    client.on("connect", lambda: tell("connect"))
    client.on("disconnect", lambda _reason: tell("disconnect"))
    client.on("*", tell)
    client.connect(url, transports=transports.split(","))
    for line in sys.stdin:
        event, data = json.loads(line)
        client.emit(event, data, callback=acknowledged(event))
    client.disconnect()


if __name__ == "__main__":
    main(*sys.argv[1:])
