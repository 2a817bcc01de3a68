/**
 * What a session is doing: one value for the run strip, the status bar and the context keys. The server says it, with
 * the text; what it cannot know (that it starts, or has ended) is said here.
 */
import type { Activity as Told, ActivityState, Later } from "../protocol";

export type State = ActivityState | "off" | "starting" | "lost";

const IDLE: ReadonlySet<State> = new Set<State>(["off", "starting", "lost", "idle", "stopped", "failed"]);
const TEXTS = { off: "", starting: "Starting Pi…", idle: "", lost: "Pi stopped unexpectedly" };

export class Activity {
  state: State = "off";
  text = "";
  /** Milliseconds since 1970. */
  since: number;
  /** What the text becomes if nothing happens. */
  later: Later | undefined;

  constructor(private readonly now: () => number) {
    this.since = now();
  }

  /** Whether a run is in progress. */
  get busy(): boolean {
    return !IDLE.has(this.state);
  }

  /** What the server says. */
  take({ state, since, text, later }: Told): void {
    Object.assign(this, { state, since, later, text: text ?? "" });
  }

  /** What only this end can know. */
  set(state: keyof typeof TEXTS): void {
    if (this.state !== state) this.take({ state: "idle", since: this.now(), text: TEXTS[state] });
    this.state = state;
  }
}
