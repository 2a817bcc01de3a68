/** The prompt with what stands directly above it: run strip, queue, held messages and context chips. */
import type { Delivery, QueueAction, Queued, ViewCommand, ViewState } from "../shared/messages";
import { VIEW_COMMANDS } from "../shared/messages";
import { clock, count } from "../shared/describe";
import { Completion } from "./completion";
import { button, element, setText, show } from "./dom";

/** After this the strip shows how long it has lasted, in milliseconds. */
const SHOW_TIME = 2000;
/** Rest after which a draft is stored, in milliseconds. */
const REST = 300;
/** Prompts that Up brings back. */
const HISTORY = 100;

export interface PromptHost {
  send(text: string, how: Delivery): void;
  stop(): void;
  draft(text: string): void;
  complete(text: string, number: number): void;
  chip(id: string, on: boolean): void;
  queued(id: number, what: QueueAction): void;
  command(command: ViewCommand): void;
}

export class Prompt {
  readonly root: HTMLElement;
  readonly input = element("textarea", { rows: "3", "aria-label": "Message to Pi" });
  readonly completion: Completion;
  private readonly strip = element("div", { class: "strip" });
  private readonly stripText = element("span", { class: "strip-text" });
  private readonly stop: HTMLButtonElement;
  private readonly tryNow: HTMLButtonElement;
  private readonly review = element("div", { class: "review" });
  private readonly queue = element("section", { class: "queue", "aria-label": "Queued messages" });
  private readonly held = element("section", { class: "queue held", "aria-label": "Held messages" });
  private readonly chips = element("ul", { class: "chips", "aria-label": "Context" });
  private readonly send: HTMLButtonElement;
  private readonly model: HTMLButtonElement;
  private readonly thinking: HTMLButtonElement;
  private readonly mode: HTMLButtonElement;
  private readonly gauge = element("span", { class: "gauge" });
  private state: ViewState | undefined;
  private timer: number | undefined;
  private resting: number | undefined;
  private history: string[] = [];
  private at = 0;
  private drawn = "";

  constructor(private readonly host: PromptHost) {
    this.completion = new Completion(this.input, {
      complete: (text, number) => host.complete(text, number),
      put: (word, text) => this.put(word, text),
      take: ({ kind, id }) => {
        const command = VIEW_COMMANDS.find((it) => it === id);
        if (kind === "chip") host.chip(id, true);
        else if (command !== undefined) host.command(command);
      },
    });
    const stop = (): void => this.state?.retrying === true ? host.command("pi.giveUp") : host.stop();
    this.stop = button("Stop", stop, { class: "stop" });
    this.tryNow = button("Try now", () => host.command("pi.retry"), { class: "try" });
    this.strip.append(element("span", { class: "pulse", "aria-hidden": "true" }), this.stripText, this.tryNow, this.stop);
    this.send = button("Send", () => this.submit("enter"), { class: "primary" });
    this.model = button("", () => host.command("pi.model"), { class: "pick", title: "Choose the model" });
    this.thinking = button("", () => host.command("pi.thinking"), { class: "pick", title: "How hard it thinks" });
    this.mode = button("", () => host.command("pi.mode"), { class: "pick", title: "What Pi may do without asking" });
    const add = button("+", () => host.command("pi.addFile"), { class: "pick", "aria-label": "Add context" });
    const bar = element("div", { class: "bar" }, this.model, this.thinking, this.mode, this.gauge, this.send);
    const line = element("div", { class: "chip-line" }, this.chips, add);
    this.root = element("footer", { class: "prompt" }, this.review, this.strip, this.queue, this.held, line, this.completion.root, this.input, bar);
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("input", () => {
      this.changed();
      this.completion.typed();
    });
    this.input.addEventListener("click", () => this.completion.typed());
  }

  get text(): string {
    return this.input.value;
  }

  set text(text: string) {
    this.input.value = text;
    this.grow();
    this.offer();
  }

  focus(): void {
    this.input.focus();
  }

  /** Adds text to what is written already. */
  insert(text: string): void {
    this.text = this.text === "" ? text : `${this.text}\n${text}`;
    this.changed();
    this.focus();
  }

  submit(how: Delivery): void {
    const text = this.text.trim();
    if (text === "") return;
    this.history = [...this.history.filter((it) => it !== text), text].slice(-HISTORY);
    this.at = this.history.length;
    this.text = "";
    this.completion.close();
    clearTimeout(this.resting);
    this.host.send(text, how);
  }

  update(state: ViewState): void {
    this.state = state;
    this.tick();
    clearInterval(this.timer);
    this.timer = undefined;
    if (state.running && state.strip !== "") this.timer = window.setInterval(() => this.tick(), 1000);
    this.strip.classList.toggle("stopping", state.stopping);
    show(this.strip, state.strip !== "");
    show(this.stop, state.running && !state.stopping);
    setText(this.stop, state.retrying ? "Give up" : "Stop");
    show(this.tryNow, state.retrying);
    // Drawn anew only when something is different: a button that has the focus must stay.
    const drawn = JSON.stringify([state.queue, state.chips, state.review]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.drawQueue(this.queue, state.queue.filter((it) => !it.held), "Queued");
      this.drawQueue(this.held, state.queue.filter((it) => it.held), "Held");
      this.drawChips(state);
      this.drawReview(state);
    }
    setText(this.model, state.model === "" ? "No model" : state.model);
    setText(this.thinking, state.thinking === "" ? "" : `think: ${state.thinking}`);
    show(this.thinking, state.thinking !== "");
    setText(this.mode, state.mode);
    setText(this.gauge, [state.context, state.cost].filter((it) => it !== "").join(" · "));
    this.gauge.title = "Context in use · cost of this chat";
    this.offer();
  }

  private tick(): void {
    const state = this.state;
    if (state === undefined) return;
    const elapsed = Date.now() - state.since;
    const { later } = state;
    let text = later !== undefined && elapsed >= later.after ? later.text : state.strip;
    if (state.running && elapsed >= SHOW_TIME) text += ` ${clock(elapsed)}`;
    setText(this.stripText, text);
  }

  private drawQueue(into: HTMLElement, items: Queued[], title: string): void {
    show(into, items.length > 0);
    const press = (label: string, spoken: string, { id }: Queued, what: QueueAction): HTMLButtonElement =>
      button(label, () => this.host.queued(id, what), { class: "link", "aria-label": spoken, title: spoken });
    const rows = items.map((it, at) => element("li", {},
      element("span", { class: "kind" }, it.kind), element("span", { class: "queued-text" }, it.text),
      ...(at > 0 && items[at - 1]?.kind === it.kind ? [press("↑", "Deliver earlier", it, "up")] : []),
      press("✎", "Edit", it, "edit"), press("✕", "Discard", it, "delete"),
      press(it.held ? "Send" : "Send now", it.held ? "Send" : "Send now", it, "send")));
    const clear = button("Clear", () => this.host.command("pi.clearQueue"), { class: "link" });
    const head = element("div", { class: "queue-head" }, element("span", {}, `${title} ${items.length}`), clear);
    into.replaceChildren(head, element("ul", {}, ...rows));
  }

  private drawChips({ chips }: ViewState): void {
    const items = chips.map((it) => {
      const label = it.ghost ? it.label : `${it.label} ✕`;
      const spoken = it.ghost ? `Send ${it.label} along` : `Leave ${it.label} out`;
      const press = button(label, () => this.host.chip(it.id, it.ghost), { title: it.title, "aria-label": spoken });
      return element("li", { class: it.ghost ? "chip ghost" : "chip" }, press);
    });
    this.chips.replaceChildren(...items);
  }

  private drawReview({ review: { changes, files, taken } }: ViewState): void {
    show(this.review, changes > 0 || taken !== "");
    const press = (label: string, command: ViewCommand): HTMLButtonElement =>
      button(label, () => this.host.command(command), { class: "link" });
    const parts: (Node | string)[] = changes > 0 ? [
      element("span", {}, `${count(changes, "change")} in ${count(files, "file")}`),
      press("Keep all", "pi.all.keep"), press("Reject all", "pi.all.reject"), press("↓ Next", "pi.hunk.next"),
    ] : [element("span", {}, "Nothing to review")];
    if (taken !== "") parts.push(element("span", {}, taken), press("Redo", "pi.all.redo"));
    this.review.replaceChildren(...parts);
  }

  /** What Enter does now, on the button and in the empty prompt. */
  private offer(): void {
    const running = this.state?.running === true;
    const steer = this.state?.enter !== "queue";
    setText(this.send, running ? (steer ? "Steer" : "Queue") : "Send");
    this.send.disabled = this.text.trim() === "";
    this.input.placeholder = !running ? "Ask, @ for context, / for commands"
      : steer ? "Steer Pi, or Alt+Enter to queue" : "Queue a message, or Alt+Enter to steer";
  }

  /** Puts text in the place of the word before the cursor. */
  private put(word: string, text: string): void {
    const end = this.input.selectionStart;
    this.input.setRangeText(text, Math.max(0, end - word.length), end, "end");
    this.changed();
  }

  private changed(): void {
    this.grow();
    this.offer();
    clearTimeout(this.resting);
    const text = this.text;
    this.resting = window.setTimeout(() => this.host.draft(text), REST);
  }

  private grow(): void {
    this.input.rows = Math.min(12, Math.max(3, this.text.split("\n").length));
  }

  private key(event: KeyboardEvent): void {
    if (event.isComposing) return;
    const { key, shiftKey, altKey, ctrlKey, metaKey } = event;
    const take = (act: () => void): void => {
      event.preventDefault();
      event.stopPropagation();
      act();
    };
    if (this.completion.key(event)) {
      event.preventDefault();
      event.stopPropagation();
    } else if (key === "Enter" && !shiftKey) {
      take(() => this.submit(altKey ? "queue" : ctrlKey || metaKey ? "now" : "enter"));
    } else if (key === "Escape" && this.text === "" && this.state?.running) {
      take(() => this.host.stop());
    } else if (key === "ArrowUp" && altKey) {
      take(() => this.host.command("pi.takeQueued"));
    } else if (key === "ArrowUp" && this.input.selectionStart === 0 && this.at > 0) {
      take(() => this.recall(this.at - 1));
    } else if (key === "ArrowDown" && this.input.selectionEnd === this.text.length && this.at < this.history.length) {
      take(() => this.recall(this.at + 1));
    }
  }

  private recall(at: number): void {
    this.at = at;
    this.text = this.history[at] ?? "";
    this.input.setSelectionRange(0, 0);
  }
}
