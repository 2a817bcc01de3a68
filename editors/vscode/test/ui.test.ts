import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExtensionUiRequest } from "../src/protocol";
import { Asks, serve, type Over, type Shows } from "../src/ui";

class Ending implements Over {
  isOver = false;
  private readonly callbacks: (() => void)[] = [];
  onOver(callback: () => void): void {
    this.callbacks.push(callback);
  }
  end(): void {
    this.isOver = true;
    for (const it of this.callbacks) it();
  }
}

function shows(): { it: Shows; shown: string[] } {
  const shown: string[] = [];
  const it: Shows = {
    tell: (level, message) => shown.push(`${level} ${message}`),
    status: (key, lines) => shown.push(`${key}: ${lines.join(" ")}`),
    prompt: (text) => shown.push(`prompt ${text}`),
  };
  return { it, shown };
}

const request = (id: string, method: ExtensionUiRequest["method"], more: Partial<ExtensionUiRequest> = {}): ExtensionUiRequest =>
  ({ id, method, title: "T", ...more });
const asked = (asks: Asks, it: ExtensionUiRequest, over: Over = new Ending(), sessionId = "s") =>
  serve({ sessionId, request: it }, asks, shows().it, over);

test("questions wait in their chats until each is answered, once", async () => {
  const asks = new Asks();
  let news = 0;
  const listening = asks.onChange(() => {
    news += 1;
  });
  const first = asked(asks, request("1", "select", { options: ["a", "b"] }));
  const second = asked(asks, request("2", "confirm"));
  const other = asked(asks, request("3", "input"), new Ending(), "t");
  assert.deepEqual([asks.of("s").map((it) => it.id), asks.of("t").map((it) => it.id)], [["1", "2"], ["3"]]);
  assert.deepEqual([asks.sessions, news], [["s", "t"], 3]);
  asks.answer("2", { confirmed: false });
  asks.answer("2", { confirmed: true });
  asks.answer("1", { value: "b" });
  asks.answer("3", { value: "" });
  assert.deepEqual(await Promise.all([first, second, other]), [{ value: "b" }, { confirmed: false }, { value: "" }]);
  assert.deepEqual([asks.sessions, news], [[], 6]);
  listening.dispose();
  void asked(asks, request("4", "editor"));
  assert.equal(news, 6);
});

test("what is taken back, or was asked by a server that is gone, ends without an answer", async () => {
  const asks = new Asks();
  const over = new Ending();
  const answer = asked(asks, request("1", "input"), over);
  over.end();
  assert.deepEqual([await answer, asks.sessions], [{ cancelled: true }, []]);
  // Taken back before it came.
  assert.deepEqual([await asked(asks, request("2", "input"), over), asks.sessions], [{ cancelled: true }, []]);
  const lost = [asked(asks, request("3", "input")), asked(asks, request("4", "confirm"))];
  asks.clear();
  assert.deepEqual(await Promise.all(lost), [{ cancelled: true }, { cancelled: true }]);
});

test("what asks nothing is shown, and a title is that of its chat", async () => {
  const asks = new Asks();
  const { it, shown } = shows();
  for (const one of [
    request("1", "notify", { message: "M", notifyType: "warning" }), request("2", "notify", { message: "N" }),
    request("3", "setStatus", { statusKey: "k", statusText: "busy" }), request("4", "setStatus", { statusKey: "k" }),
    request("5", "setWidget", { widgetKey: "k", widgetLines: ["a", "b"] }),
    request("6", "set_editor_text", { text: "x" }), request("7", "setTitle"),
  ]) assert.equal(await serve({ sessionId: "s", request: one }, asks, it, new Ending()), null, one.method);
  assert.deepEqual(shown, ["warning M", "info N", "status k: busy", "status k: ", "widget k: a b", "prompt x"]);
  assert.deepEqual([asks.title("s"), asks.title("t"), asks.title(undefined)], ["T", undefined, undefined]);
  await asked(asks, request("8", "setTitle", { title: "" }));
  assert.equal(asks.title("s"), undefined);
});
