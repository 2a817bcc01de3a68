#!/usr/bin/env python3
"""A language server that finds one problem in every document, for the stories about other servers beside Pi."""
import json
import sys


def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    sys.stdout.buffer.flush()


while True:
    length = 0
    while (line := sys.stdin.buffer.readline().strip()):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if not length:
        break
    message = json.loads(sys.stdin.buffer.read(length))
    method = message.get("method")
    if method == "exit":
        break
    if method == "textDocument/didOpen":
        word = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}
        problem = {"range": word, "severity": 2, "source": "lint", "message": "x is never used"}
        uri = message["params"]["textDocument"]["uri"]
        send({"method": "textDocument/publishDiagnostics", "params": {"uri": uri, "diagnostics": [problem]}})
    if "id" in message and method:
        send({"id": message["id"], "result": {"capabilities": {"textDocumentSync": 1}} if method == "initialize" else None})
