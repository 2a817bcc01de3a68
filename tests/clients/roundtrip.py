#!/usr/bin/env python3
"""Session files go back and forth between Pi and this server; neither changes what the other wrote.

    roundtrip.py OURS PI...     the server, and the `pi` of each release to try it with

Every program opens the file in RPC mode, is asked for the messages, says one thing to a scripted model and ends. The
next one must see the same messages, and every byte that was there.
"""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures/sessions")
PATIENCE = float(os.environ.get("PI_TEST_WAIT", "60"))


class Model(http.server.BaseHTTPRequestHandler):
    """Answers every request with the words of the last message, over Chat Completions."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = request["messages"][-1]["content"]
        text = said if isinstance(said, str) else "".join(it.get("text", "") for it in said)
        usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        records = [
            {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "You said: " + text}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": usage},
        ]
        head = {"id": "r", "object": "chat.completion.chunk", "created": 1, "model": request["model"]}
        body = "".join("data: %s\n\n" % json.dumps({**head, **it}) for it in records) + "data: [DONE]\n\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


class Program:
    """One program in RPC mode on a session file, or on a new session."""

    def __init__(self, binary, place, session=None):
        command = [binary, "--mode", "rpc", "--provider", "scripted", "--model", "alpha"]
        environment = {
            "PATH": os.environ["PATH"], "HOME": place.home, "PI_CODING_AGENT_DIR": place.agent, "PI_OFFLINE": "1",
            "PI_SKIP_VERSION_CHECK": "1", "TMPDIR": place.root, "LANG": "C.UTF-8",
        }
        self.process = subprocess.Popen(
            command + (["--session", session] if session else []), cwd=place.work, env=environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        )
        self.watch = threading.Timer(PATIENCE, self.process.kill)
        self.watch.start()

    def until(self, wanted):
        for line in iter(self.process.stdout.readline, ""):
            record = json.loads(line)
            if wanted(record):
                return record
        raise AssertionError("%s ended: %s" % (self.process.args, self.process.stderr.read()[-2000:]))

    def ask(self, name, **fields):
        self.process.stdin.write(json.dumps({"id": name, "type": name, **fields}) + "\n")
        self.process.stdin.flush()
        answer = self.until(lambda it: it.get("type") == "response" and it.get("id") == name)
        assert answer["success"], answer
        return answer.get("data")

    def say(self, text):
        self.ask("prompt", message=text)
        self.until(lambda it: it["type"] == "agent_end")

    def messages(self):
        return [gist(it) for it in self.ask("get_messages")["messages"] if it["role"] != "system"]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.read()
        try:
            self.process.wait(PATIENCE)
        finally:
            self.watch.cancel()
            self.process.kill()


def gist(message):
    """What two releases have to agree on: who said what."""
    content = message.get("content", message.get("summary", message.get("output")))
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    parts = [it.get("text", it.get("name", it["type"])) for it in content]
    return [message["role"], *parts]


class Place:
    """A home, an agent directory and a folder to work in."""

    def __init__(self, root, port):
        self.root = root
        self.home, self.agent, self.work = (os.path.join(root, it) for it in ("home", "agent", "work"))
        for it in (self.home, self.agent, self.work):
            os.makedirs(it)
        model = {
            "id": "alpha", "name": "Alpha", "reasoning": False, "input": ["text"], "contextWindow": 200000,
            "maxTokens": 32000, "cost": {"input": 3, "output": 15, "cacheRead": 0, "cacheWrite": 0},
        }
        provider = {
            "baseUrl": "http://127.0.0.1:%d/v1" % port, "api": "openai-completions", "apiKey": "none", "models": [model],
        }
        self.write("models.json", {"providers": {"scripted": provider}})
        self.write("settings.json", {"quietStartup": True, "enableInstallTelemetry": False})

    def write(self, name, value):
        with open(os.path.join(self.agent, name), "w", encoding="utf-8") as file:
            json.dump(value, file)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def turn(binary, place, session, text, expected=None):
    """Opens, looks, says one thing; checks what was there. Returns the messages after it."""
    before = read(session)
    program = Program(binary, place, session)
    try:
        seen = program.messages()
        assert expected is None or seen == expected, "sees\n%s\ninstead of\n%s" % (seen, expected)
        program.say(text)
        after = program.messages()
    finally:
        program.close()
    assert after[: len(seen)] == seen, after
    assert after[len(seen) :] == [["user", text], ["assistant", "You said: " + text]], after[len(seen) :]
    assert read(session).startswith(before), "what was there has changed"
    return after


def fixture(name, order):
    """A file that neither of them wrote goes through all of them."""

    def run(place):
        session = os.path.join(place.work, name)
        # Of the folder at hand: the one it was written in is not here.
        lines = read(os.path.join(FIXTURES, name)).replace(b"/home/me/app", place.work.encode())
        with open(session, "wb") as file:
            file.write(lines)
        messages = None
        for count, binary in enumerate(order):
            messages = turn(binary, place, session, "turn %d" % count, messages)

    return run


def new(order):
    """The first one writes the file, with a shell command and a name; the others go on in it."""

    def run(place):
        program = Program(order[0], place)
        try:
            program.say("hello")
            program.ask("bash", command="echo from the shell")
            program.say("and on")
            messages = program.messages()
            session = program.ask("get_state")["sessionFile"]
        finally:
            program.close()
        for count, binary in enumerate(order[1:]):
            messages = turn(binary, place, session, "turn %d" % count, messages)

    return run


def main():
    ours, *releases = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    failed = 0
    stories = []
    for release in releases:
        name = os.path.basename(release.split("/node_modules/")[0])
        stories += [
            ("roundtrip: %s and back, branches and kinds nobody knows" % name, fixture("branches.jsonl", [release, ours, release])),
            ("roundtrip: %s after us in a session of ours" % name, new([ours, release, ours])),
            ("roundtrip: we after %s in a session of its own" % name, new([release, ours, release])),
        ]
    for name, story in stories:
        with tempfile.TemporaryDirectory(prefix="pi-roundtrip.") as root:
            try:
                story(Place(os.path.join(root, "place"), server.server_address[1]))
                print("ok    " + name)
            except Exception as error:
                failed += 1
                print("FAIL  %s\n      %s: %s" % (name, type(error).__name__, error))
    return failed


sys.exit(main())
