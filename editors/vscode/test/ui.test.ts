import assert from "node:assert/strict";
import { test } from "node:test";
import type { ExtensionUiRequest } from "../src/protocol";
import { serve, type Dialogs, type Over } from "../src/ui";

/** Dialogs that answer by their scripts; what was shown is noted. */
function dialogs(script: Partial<Dialogs>): { it: Dialogs; shown: string[] } {
  const shown: string[] = [];
  const it: Dialogs = {
    tell: async (level, message, ...buttons) => {
      shown.push(`${level} ${message}`);
      return buttons[0];
    },
    pick: async (_, items) => items[1],
    confirm: async (title, detail) => {
      shown.push(`${title} ${detail}`);
      return false;
    },
    input: async () => "",
    edit: async (_, prefill) => `${prefill}!`,
    status: (key, lines) => shown.push(`${key}: ${lines.join(" ")}`),
    prompt: (text) => shown.push(`prompt ${text}`),
    ...script,
  };
  return { it, shown };
}

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

const request = (method: ExtensionUiRequest["method"], more: Partial<ExtensionUiRequest> = {}): ExtensionUiRequest =>
  ({ id: "1", method, title: "T", ...more });

const select = request("select", { options: ["a", "b"] });

test("each question has its dialog, behind a message that takes no focus", async () => {
  for (const [asked, answer] of [
    [select, { value: "b" }],
    [request("confirm", { message: "M" }), { confirmed: false }],
    [request("input"), { value: "" }],
    [request("editor", { prefill: "x" }), { value: "x!" }],
  ] as const) {
    const { it, shown } = dialogs({});
    assert.deepEqual(await serve(asked, it, new Ending()), answer, asked.method);
    assert.equal(shown[0], "info Pi asks: T");
  }
});

test("a message that is closed, or a dialog without a choice, is no answer", async () => {
  let opened = 0;
  const closed = dialogs({
    tell: async () => undefined,
    pick: async () => {
      opened += 1;
      return "a";
    },
  });
  assert.deepEqual(await serve(select, closed.it, new Ending()), { cancelled: true });
  assert.equal(opened, 0);
  const nothing = dialogs({ pick: async () => undefined, confirm: async () => undefined });
  assert.deepEqual(await serve(select, nothing.it, new Ending()), { cancelled: true });
  assert.deepEqual(await serve(request("confirm"), nothing.it, new Ending()), { cancelled: true });
});

test("what is taken back ends, before and after its dialog is open", { timeout: 10_000 }, async () => {
  const never = async () => await new Promise<undefined>(() => undefined);
  for (const script of [{ tell: never }, { pick: never }]) {
    const { it } = dialogs(script);
    const over = new Ending();
    const answer = serve(select, it, over);
    setImmediate(() => over.end());
    assert.deepEqual(await answer, { cancelled: true });
  }
  // Pressed too late: no dialog opens.
  const over = new Ending();
  const late = dialogs({
    tell: async (_level, _message, button) => {
      over.end();
      return button;
    },
    pick: async () => assert.fail("it opened"),
  });
  assert.deepEqual(await serve(select, late.it, over), { cancelled: true });
});

test("what asks nothing is shown, and nobody waits for it", { timeout: 10_000 }, async () => {
  const never = dialogs({ tell: async () => await new Promise<undefined>(() => undefined) });
  assert.equal(await serve(request("notify", { message: "M" }), never.it, new Ending()), null);
  const { it, shown } = dialogs({});
  for (const asked of [
    request("notify", { message: "M", notifyType: "warning" }),
    request("setStatus", { statusKey: "k", statusText: "busy" }),
    request("setStatus", { statusKey: "k" }),
    request("setWidget", { widgetKey: "k", widgetLines: ["a", "b"] }),
    request("set_editor_text", { text: "x" }),
    request("setTitle"),
  ]) assert.equal(await serve(asked, it, new Ending()), null, asked.method);
  assert.deepEqual(shown, ["warning M", "status k: busy", "status k: ", "widget k: a b", "prompt x"]);
});
