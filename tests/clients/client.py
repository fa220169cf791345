"""A Socket.IO client that a test controls: client.py URL TRANSPORTS COOKIE

Reads lines of ["event", data] from stdin and emits them. Prints each event that it receives, each acknowledgement
and each change of the connection as a line of JSON.
"""

import json
import sys

import requests
import socketio


def report(*entry):
    # A single write, as events arrive on several threads.
    sys.stdout.write(f"{json.dumps(entry)}\n")
    sys.stdout.flush()


def acknowledged(event):
    return lambda *answer: report("acknowledged", event, answer)


def main(url, transports, cookie):
    # The client would not send a `Cookie` header again when it reconnects.
    http = requests.Session()
    http.cookies.set(*cookie.split("=", 1))
    client = socketio.Client(http_session=http)
    client.on("connect", lambda: report("connect"))
    client.on("disconnect", lambda _reason: report("disconnect"))
    client.on("*", report)
    client.connect(url, transports=transports.split(","))
    for line in sys.stdin:
        event, data = json.loads(line)
        client.emit(event, data, callback=acknowledged(event))
    client.disconnect()


if __name__ == "__main__":
    main(*sys.argv[1:])
