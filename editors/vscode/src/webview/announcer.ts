/** What a screen reader hears: whole sentences, at most one in two seconds, the newest wins. */
import { element } from "./dom";

/** Shortest time between two sentences, in milliseconds. */
const PACE = 2000;

export class Announcer {
  readonly root = element("div", { class: "sr" });
  private readonly polite = element("div", { "aria-live": "polite" });
  private readonly urgent = element("div", { role: "alert" });
  private next = "";
  private timer: number | undefined;

  constructor() {
    this.root.append(this.polite, this.urgent);
  }

  say(text: string, urgent: boolean): void {
    if (urgent) {
      this.urgent.textContent = text;
      return;
    }
    this.next = text;
    if (this.timer === undefined) this.speak();
  }

  private speak(): void {
    this.timer = undefined;
    if (this.next === "") return;
    this.polite.textContent = this.next;
    this.next = "";
    this.timer = window.setTimeout(() => this.speak(), PACE);
  }
}
