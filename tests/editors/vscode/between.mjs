#!/usr/bin/env node
// Stands between VS Code and Pi: starts PI_BIN, passes on what both say, and says more when a story wants it.
//
// It listens at the socket PI_BETWEEN. A line {"to":"client","method":...,"params":...} (or "server") is a request to
// that side, as from the other one; the line that comes back is the answer. {"cancel":true} takes back what was asked
// last.
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import readline from "node:readline";

const server = spawn(process.env.PI_BIN, process.argv.slice(2), { stdio: ["pipe", "pipe", "inherit"] });
server.on("exit", (status) => process.exit(status ?? 1));
if (process.argv[2] !== "lsp") {
  server.stdout.pipe(process.stdout);
} else {
  const sides = { client: process.stdout, server: server.stdin };
  /** What a story asked, by id. */
  const asked = new Map();
  const send = (to, message) => {
    const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    sides[to].write(`Content-Length: ${body.length}\r\n\r\n`);
    sides[to].write(body);
  };

  /** Passes messages on, but for answers to what a story asked. */
  const follow = (stream, to) => {
    let rest = Buffer.alloc(0);
    stream.on("data", (piece) => {
      rest = Buffer.concat([rest, piece]);
      for (;;) {
        const end = rest.indexOf("\r\n\r\n");
        if (end < 0) return;
        const length = Number(/Content-Length: (\d+)/i.exec(rest.subarray(0, end).toString())[1]);
        if (rest.length < end + 4 + length) return;
        const whole = rest.subarray(0, end + 4 + length);
        rest = rest.subarray(end + 4 + length);
        const message = JSON.parse(whole.subarray(end + 4).toString());
        const answer = message.method === undefined && asked.get(message.id);
        if (answer) answer(message);
        else sides[to].write(whole);
      }
    });
    stream.on("end", () => sides[to].end());
  };
  follow(process.stdin, "server");
  follow(server.stdout, "client");

  let number = 0;
  fs.rmSync(process.env.PI_BETWEEN, { force: true });
  net.createServer((socket) => {
    socket.on("error", () => undefined);
    readline.createInterface(socket).on("line", (line) => {
      const { to, method, params, cancel } = JSON.parse(line);
      if (cancel) return send("client", { method: "$/cancelRequest", params: { id: `story-${number}` } });
      number += 1;
      const id = `story-${number}`;
      asked.set(id, (message) => {
        asked.delete(id);
        socket.write(`${JSON.stringify({ result: message.result, error: message.error })}\n`);
      });
      send(to, { id, method, params });
    });
  }).listen(process.env.PI_BETWEEN);
}
