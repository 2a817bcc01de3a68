/** A question that is not about permission, as a card: buttons to choose from, or a field to write in. */
import type { Ask, AskAnswer } from "../shared/messages";
import { visible } from "../shared/describe";
import { button, element } from "./dom";

export interface AskCard {
  root: HTMLElement;
  /** What takes the focus. A field, as what is typed there answers nothing yet; else the card, and not a button. */
  place: HTMLElement;
  /** Chooses what this digit stands for; false if it stands for nothing. */
  choose(digit: number): boolean;
}

export function askCard(it: Ask, count: HTMLElement, reply: (answer: AskAnswer) => void): AskCard {
  const root = element("div", { class: "question ask", role: "group", tabindex: "-1", "aria-label": it.title },
    element("h2", {}, it.title, count));
  if (it.message !== "") root.append(element("p", { class: "message" }, it.message));
  const none = button("No answer", () => reply({ cancelled: true }), { "data-choice": "none" });
  switch (it.kind) {
    case "select":
    case "confirm": {
      const choices: [label: string, answer: AskAnswer][] = it.kind === "select"
        ? it.options.map((value) => [value, { value }])
        : [["Yes", { confirmed: true }], ["No", { confirmed: false }]];
      const items = choices.map(([label, answer], at) => element("li", {},
        button(visible(at < 9 ? `${at + 1} ${label}` : label), () => reply(answer), { "data-choice": label })));
      root.append(element("ul", { class: "choices" }, ...items, element("li", {}, none)));
      return {
        root, place: root,
        choose: (digit) => {
          const answer = choices[digit - 1]?.[1];
          if (answer !== undefined) reply(answer);
          return answer !== undefined;
        },
      };
    }
    case "input":
    case "editor": {
      const long = it.kind === "editor";
      const field = long ? element("textarea", { rows: "6" }) : element("input", { type: "text" });
      field.value = it.prefill;
      field.placeholder = it.placeholder;
      field.setAttribute("aria-label", it.title);
      const send = (): void => reply({ value: field.value });
      field.addEventListener("keydown", (event) => {
        const { key, isComposing, repeat, ctrlKey, metaKey } = event as KeyboardEvent;
        if (key !== "Enter" || isComposing || repeat || (long && !ctrlKey && !metaKey)) return;
        event.preventDefault();
        event.stopPropagation();
        send();
      });
      const press = button(long ? "Send (Ctrl+Enter)" : "Send", send, { class: "primary", "data-choice": "send" });
      root.append(field, element("ul", { class: "choices" }, element("li", {}, press, none)));
      return { root, place: field, choose: () => false };
    }
  }
}
