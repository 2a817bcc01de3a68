/** The chat page: puts the parts together and talks to the extension. */
import type { HostMessage, ViewMessage, ViewState } from "../shared/messages";
import { Announcer } from "./announcer";
import { button, element, show } from "./dom";
import { Focus } from "./focus";
import { Prompt } from "./prompt";
import { Questions } from "./questions";
import { Screens } from "./screens";
import { TranscriptView } from "./transcript";

declare function acquireVsCodeApi(): {
  postMessage(message: ViewMessage): void;
  getState(): { draft?: string } | undefined;
  setState(state: { draft: string }): void;
};

const vscode = acquireVsCodeApi();
const post = (message: ViewMessage): void => vscode.postMessage(message);
let state: ViewState | undefined;

const transcript = new TranscriptView({
  action: (id, action) => post({ type: "action", id, action }),
  open: (id) => post({ type: "open", id }),
  decide: (id, keep) => post({ type: "decide", id, keep }),
  link: (href) => post({ type: "link", href }),
  earlier: () => post({ type: "earlier" }),
  leave: () => prompt.focus(),
  showThinking: () => state?.showThinking === true,
  tools: () => state?.tools ?? "compact",
});
const prompt = new Prompt({
  send: (text, how) => {
    vscode.setState({ draft: "" });
    post({ type: "send", text, how });
    transcript.toEnd();
  },
  stop: () => post({ type: "stop" }),
  draft: (text) => {
    vscode.setState({ draft: text });
    post({ type: "draft", text });
  },
  complete: (text, number) => post({ type: "complete", text, number }),
  chip: (id, on) => post({ type: "chip", id, on }),
  queued: (id, what) => post({ type: "queued", id, what }),
  command: (command) => post({ type: "command", command }),
});
const questions = new Questions({
  answer: (id, choice) => post({ type: "answer", id, choice }),
  reply: (id, answer) => post({ type: "reply", id, answer }),
  leave: () => prompt.focus(),
});
const screens = new Screens((command) => post({ type: "command", command }), (text) => prompt.insert(text));
const announcer = new Announcer();
const focus = new Focus();
const banner = element("p", { class: "banner" }, "Restricted Mode: Pi only reads here. ",
  button("Manage Trust", () => post({ type: "command", command: "pi.manageTrust" }), { class: "link" }));
show(banner, false);
document.getElementById("app")?.append(banner, transcript.root, screens.root, questions.root, prompt.root, announcer.root);

function update(next: ViewState): void {
  state = next;
  prompt.update(next);
  questions.update(next.questions);
  const covered = screens.update(next, transcript.empty);
  show(screens.root, covered);
  show(transcript.root, !transcript.empty);
  show(banner, next.restricted);
  transcript.root.classList.toggle("edits", next.edits);
  focus.renew();
}

window.addEventListener("message", ({ data }: MessageEvent<HostMessage>) => {
  switch (data.type) {
    case "reset":
      // Rows are made as it says.
      state = data.state;
      transcript.reset(data.items, data.earlier);
      if (prompt.text === "") prompt.text = vscode.getState()?.draft || data.draft;
      update(data.state);
      break;
    case "earlier":
      transcript.prepend(data.items, data.earlier);
      break;
    case "patches":
      transcript.apply(data.patches);
      if (state) update(state);
      break;
    case "state":
      update(data.state);
      break;
    case "insert":
      prompt.insert(data.text);
      break;
    case "refused":
      prompt.insert(data.text);
      break;
    case "completions":
      prompt.completion.offer(data.number, data.items);
      break;
    case "say":
      announcer.say(data.text, data.urgent);
      break;
    case "focus":
      if (data.what === "last") transcript.focusLast();
      else focus.want(() => (data.what === "question" ? questions.place : undefined) ?? prompt.input);
      break;
    case "press":
      prompt.submit(data.how);
      break;
  }
});
post({ type: "ready" });
