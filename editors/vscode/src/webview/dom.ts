/** Making elements. Text goes in as text; nothing here parses HTML. */

type Child = Node | string;

/** An element with attributes and children. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Record<string, string> = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const it = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) it.setAttribute(name, value);
  it.append(...children);
  return it;
}

export function button(label: string, press: () => void, attributes: Record<string, string> = {}): HTMLButtonElement {
  const it = element("button", { type: "button", ...attributes }, label);
  it.addEventListener("click", press);
  return it;
}

/** Shows or hides without taking it out of the document. */
export function show(it: HTMLElement, on: boolean): void {
  it.hidden = !on;
}

/** Changes the text only if it is another one: an unchanged one must not be announced or laid out again. */
export function setText(it: HTMLElement, text: string): void {
  if (it.textContent !== text) it.textContent = text;
}
