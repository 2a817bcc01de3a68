/** Tools that only look, one after the other: what they are joined into, in words. Pure functions. */
import type { ToolItem } from "./messages";
import { count } from "./describe";

/** So many in a row become one line. */
export const ROW = 3;

/** What several of them are called; each names the tools it is about. */
const KINDS: { tools: string[]; doing: string; did: string; several: (n: number) => string }[] = [
  { tools: ["read"], doing: "reading", did: "read", several: (n) => count(n, "file") },
  { tools: ["grep", "find"], doing: "searching", did: "searched", several: (n) => `${n} times` },
  { tools: ["ls"], doing: "listing", did: "listed", several: (n) => count(n, "folder") },
];
const TOOLS: ReadonlySet<string> = new Set(KINDS.flatMap((it) => it.tools));

/** Whether a tool is one of them. */
export function isQuiet(tool: string): boolean {
  return TOOLS.has(tool);
}

/** How often something was found, and in how many files, as `grep` lists it. */
export function hits(listing: string): { hits: number; files: number } {
  const names = [...listing.matchAll(/^(.+?):\d+(?::|#)/gm)].map(([, name]) => name);
  return { hits: names.length, files: new Set(names).size };
}

/** `Read 2 files, searched “Backoff” in src · 3 hits`. */
export function together(items: readonly ToolItem[]): string {
  const parts = KINDS.flatMap(({ tools, doing, did, several }) => {
    const ours = items.filter((it) => tools.includes(it.tool));
    const [first] = ours;
    if (first === undefined) return [];
    // Parts of one file are one file.
    const about = new Set(ours.map((it) => it.head.replace(/^\S+ /, "").replace(/:\d+-\d*$/, "")));
    const verb = ours.some((it) => it.status === "running") ? doing : did;
    const [one = ""] = about;
    return [`${verb} ${about.size === 1 ? one : several(about.size)}`.trim()];
  });
  const text = parts.join(", ");
  const found = items.flatMap((it) => it.hits ?? []);
  const sum = found.reduce((all, it) => all + it, 0);
  return [text.charAt(0).toUpperCase() + text.slice(1), ...(found.length > 0 ? [count(sum, "hit")] : [])].join(" · ");
}
