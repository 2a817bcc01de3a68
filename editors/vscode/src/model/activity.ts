/** What a session is doing, told from its events: one value for the run strip, the status bar and the context keys. */

export type State =
  | "off" | "starting" | "idle" | "waiting" | "thinking" | "answering" | "tool" | "retrying" | "compacting"
  | "asking" | "stopping" | "failed" | "lost";

const BUSY: ReadonlySet<State> = new Set<State>([
  "waiting", "thinking", "answering", "tool", "retrying", "compacting", "asking", "stopping",
]);

const TEXTS: Record<State, string> = {
  off: "",
  starting: "Starting Pi…",
  idle: "",
  waiting: "Waiting for the model…",
  thinking: "Thinking…",
  answering: "Writing…",
  tool: "Running a tool…",
  retrying: "Trying again…",
  compacting: "Making room: summarising older turns…",
  asking: "Waiting for your answer",
  stopping: "Stopping…",
  failed: "",
  lost: "Pi stopped unexpectedly",
};

/** The state with the time it began, in milliseconds since 1970. */
export class Activity {
  state: State = "off";
  text = "";
  since: number;

  constructor(private readonly now: () => number) {
    this.since = now();
  }

  /** Whether a run is in progress. */
  get busy(): boolean {
    return BUSY.has(this.state);
  }

  /** Changes the state; true if something is different. A stop in progress is only ended by its end. */
  set(state: State, text = TEXTS[state]): boolean {
    if (this.state === "stopping" && BUSY.has(state)) return false;
    if (this.state === state && this.text === text) return false;
    this.state = state;
    this.text = text;
    this.since = this.now();
    return true;
  }
}
