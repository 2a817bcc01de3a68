#!/usr/bin/env python3
"""A small chat over the JSON lines of `pi --mode rpc`; standard library only, Python 3.9 or newer.

Every line of stdin is a prompt, or steers the run that is going on; `/stop` stops it. When stdin ends, the chat ends
with the run. Arguments go to `pi`; PI_BIN names it if it is not in PATH.
"""

import json
import os
import subprocess
import sys
import threading

pi = subprocess.Popen(
    [os.environ.get("PI_BIN", "pi"), "--mode", "rpc", "--output-mode", "compact", *sys.argv[1:]],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
)
# Both threads send, and a record must not be torn.
sending = threading.Lock()


def send(**command):
    try:
        with sending:
            pi.stdin.write(json.dumps(command).encode() + b"\n")
            pi.stdin.flush()
    except OSError:
        pass  # It has ended; the main thread sees that as the end of its events.


def read_commands():
    for line in sys.stdin:
        line = line.strip()
        if line == "/stop":
            send(type="abort")
        elif line:
            # Only looked at while a run is in progress: steer it, instead of refusing the prompt.
            send(type="prompt", message=line, streamingBehavior="steer")
    # The answer tells whether a run is still in progress.
    send(type="get_state")


def show(text):
    print(text, end="", flush=True)


def text_of(message):
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(block["text"] for block in content if block["type"] == "text")


threading.Thread(target=read_commands, daemon=True).start()
leaving = False
# Iterating over bytes splits at LF only; U+2028 inside a string does not end a record.
for line in pi.stdout:
    event = json.loads(line)
    kind = event["type"]
    if kind == "message_start" and event["message"]["role"] == "user":
        show(f"> {text_of(event['message'])}\n")
    elif kind == "message_update":
        update = event["assistantMessageEvent"]
        if update["type"] == "text_delta":
            show(update["delta"])
        elif update["type"] == "text_end":
            show("\n")
    elif kind == "message_end" and event["message"].get("stopReason") in ("error", "aborted"):
        show(f"[{event['message'].get('errorMessage', 'stopped')}]\n")
    elif kind == "tool_execution_start":
        show(f"[{event['toolName']} {json.dumps(event['args'], separators=(',', ':'), ensure_ascii=False)}]\n")
    elif kind == "tool_execution_end":
        show(f"[{event['toolName']}: {'failed' if event['isError'] else 'done'}]\n")
    elif kind == "queue_update" and event["steering"]:
        show(f"[waiting: {', '.join(event['steering'])}]\n")
    elif kind == "extension_ui_request" and event["method"] in ("select", "confirm", "input", "editor"):
        # Somebody waits for an answer to this.
        send(type="extension_ui_response", id=event["id"], cancelled=True)
    elif kind == "response" and not event["success"]:
        show(f"[{event['error']}]\n")
    elif kind == "response" and event["command"] == "get_state":
        leaving = True
        if not event["data"]["isStreaming"]:
            break
    elif kind == "agent_settled":
        show("[ready]\n")
        if leaving:
            break

# The end of its stdin ends it; the session has been saved.
pi.stdin.close()
sys.exit(pi.wait())
