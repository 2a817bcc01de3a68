/** What stands in the place of an empty transcript: the first run, a server that is missing, and suggestions. */
import type { ViewCommand, ViewState } from "../shared/messages";
import { button, element } from "./dom";

/** The ways to a first answer. */
const FIRST: [label: string, command: ViewCommand, what: string][] = [
  ["Run the demo", "pi.demo", "no key, 20 seconds, a scripted model"],
  ["Use a local model", "pi.setup.local", "no local server answers yet"],
  ["Add a key", "pi.setup.key", "none in the environment"],
];

export class Screens {
  readonly root = element("section", { class: "screen" });
  private drawn = "";

  constructor(
    private readonly command: (command: ViewCommand) => void,
    private readonly suggest: (text: string) => void,
  ) {}

  /** Shows what there is to say; false if that is nothing. */
  update(state: ViewState, empty: boolean): boolean {
    const content = JSON.stringify([state.screen, state.problem, state.suggestions, state.folder, state.found, empty]);
    if (content !== this.drawn) {
      this.drawn = content;
      this.root.replaceChildren(...this.content(state));
    }
    return state.screen === "missing" || state.screen === "setup" || empty;
  }

  private content(state: ViewState): Node[] {
    switch (state.screen) {
      case "starting": return [];
      case "missing": return [
        element("h2", {}, "Pi does not run"),
        ...state.problem.split("\n").map((line) => element("p", {}, line)),
        this.row(["Choose file", "pi.chooseProgram"], ["Try again", "pi.restart"], ["Show log", "pi.log"]),
      ];
      case "setup": return [
        element("h2", {}, "Pi is ready to try."),
        element("ul", { class: "first" }, ...FIRST.map(([label, command, what]) =>
          element("li", {}, button(label, () => this.command(command)), element("span", {}, what)))),
        element("p", {}, "Both are picked up by themselves as soon as they are there."),
      ];
      case "chat": return this.welcome(state);
    }
  }

  private welcome(state: ViewState): Node[] {
    if (!state.folder) {
      return [element("p", {}, "Open a folder so Pi can read and edit files"), this.row(["Open Folder", "pi.openFolder"])];
    }
    const items = state.suggestions.map((it) => element("li", {}, button(it, () => this.suggest(it), { class: "link" })));
    const found = element("p", {}, "Found on this machine · ", button("Change", () => this.command("pi.model"), { class: "link" }));
    return [
      ...(state.found ? [found] : []),
      element("ul", { class: "suggestions", "aria-label": "Suggestions" }, ...items),
      element("p", { class: "keys" }, "Enter sends · Shift+Enter new line · Esc stops"),
    ];
  }

  private row(...buttons: [label: string, command: ViewCommand][]): HTMLElement {
    return element("p", { class: "row" }, ...buttons.map(([label, it]) => button(label, () => this.command(it))));
  }
}
