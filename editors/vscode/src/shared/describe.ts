/** Words for what happens: durations, tokens, tool calls. Pure functions, the same words in every place. */

/** Longest headline of a tool call, in characters. */
const HEADLINE = 120;

/** `0:41`, `1:02:03`. */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

/** `950`, `12.4k`. */
export function tokens(count: number): string {
  return count < 1000 ? String(count) : `${(count / 1000).toFixed(1)}k`;
}

/** What a model is called where one is chosen: `llama3.2 · local`. */
export function modelName({ id, local }: { id: string; local?: boolean }): string {
  return local === true ? `${id} · local` : id;
}

/** `1 step`, `2 steps`. */
export function count(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? "" : "s"}`;
}

/** A path as seen from the project. */
export function relative(path: string, root: string): string {
  const prefix = root.endsWith("/") || root.endsWith("\\") ? root : root + (root.includes("\\") ? "\\" : "/");
  return root !== "" && path.startsWith(prefix) ? path.slice(prefix.length) : path;
}

/** On one line, with its middle left out when it is too long: both ends of a path and of a command matter. */
export function oneLine(text: string): string {
  const line = text.trim().replace(/\s*[\r\n]+\s*/g, " ");
  if (line.length <= HEADLINE) return line;
  const half = (HEADLINE - 1) / 2;
  return `${line.slice(0, Math.ceil(half))}…${line.slice(line.length - Math.floor(half))}`;
}

/** What a call is about: the command, the path, the pattern, the name. */
export function subject(args: Record<string, unknown>, root: string): string {
  if (typeof args.command === "string") return oneLine(args.command);
  const path = typeof args.path === "string" && args.path !== root ? relative(args.path, root) : "";
  if (typeof args.symbol === "string") return oneLine(`“${args.symbol}”${path ? ` in ${path}` : ""}`);
  if (typeof args.query === "string") return oneLine(`“${args.query}”${path ? ` in ${path}` : ""}`);
  if (typeof args.pattern === "string") return oneLine(`“${args.pattern}”${path ? ` in ${path}` : ""}`);
  if (path && typeof args.offset === "number") {
    const last = typeof args.limit === "number" ? String(args.offset + args.limit - 1) : "";
    return oneLine(`${path}:${args.offset}-${last}`);
  }
  return oneLine(path);
}

/** Verbs of the tools that are built in: while it happens, when it is done. */
const VERBS: Record<string, [string, string]> = {
  read: ["Reading", "Read"],
  edit: ["Editing", "Edited"],
  hashline_edit: ["Editing", "Edited"],
  write: ["Writing", "Wrote"],
  bash: ["Running", "Ran"],
  grep: ["Searching", "Searched"],
  find: ["Searching", "Searched"],
  ls: ["Listing", "Listed"],
  editor_diagnostics: ["Looking at problems", "Looked at problems"],
  editor_definition: ["Looking up", "Looked up"],
  editor_references: ["Looking for uses of", "Looked for uses of"],
  editor_symbols: ["Looking for symbols", "Looked for symbols"],
};

/** `Running cargo test`, or `Ran cargo test` when it is over. */
export function headline(tool: string, args: Record<string, unknown>, root: string, done: boolean): string {
  const about = subject(args, root);
  const [doing, did] = VERBS[tool] ?? [`Running ${tool}`, tool];
  return `${done ? did : doing} ${about}`.trim();
}

/** How many lines a diff adds and takes away: `+4 −2`. */
export function diffCounts(diff: string): string {
  let added = 0;
  let removed = 0;
  for (const line of diff.split("\n")) {
    if (line.startsWith("+")) added += 1;
    else if (line.startsWith("-")) removed += 1;
  }
  return `+${added} −${removed}`;
}

/**
 * The text with characters that cannot be seen, or that reorder what is seen, written out. What asks for a permission
 * must not be able to hide anything.
 */
export function visible(text: string): string {
  return text.replace(
    // Controls but tab and line feed, soft hyphen, joiners, directional marks and overrides, fillers, tags.
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb]|[\u{e0000}-\u{e0fff}]/gu,
    (it) => `‹U+${(it.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}›`,
  );
}
