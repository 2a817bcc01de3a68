/** What taking back everything since a prompt comes to, in words. */
import type { EditHunk, EditsDecided } from "../protocol";
import { count, oneLine, relative, visible } from "../shared/describe";

/** Commands that are named; of more there is only the number. */
const NAMED = 3;

/** A file that would go back, and what happens to it. */
export interface FileBack {
  path: string;
  what: string;
  /** The first of its changes. */
  hunk: EditHunk;
}

/** `4 changes in 2 files`. */
function inFiles(hunks: number, files: number): string {
  return `${count(hunks, "change")} in ${count(files, "file")}`;
}

/** What was done. */
export function reverted({ hunks, uris }: EditsDecided): string {
  return `Reverted ${inFiles(hunks.length, uris.length)}`;
}

/** What can be done; `stay` is how many changes cannot go back. */
export function offer(back: readonly EditHunk[], stay: number): string {
  const files = new Set(back.map((it) => it.uri)).size;
  return stay === 0 ? `Revert ${inFiles(back.length, files)}`
    : `Revert the other ${back.length} in ${count(files, "file")}`;
}

/** What cannot go back. */
export function staying(reasons: readonly string[], of: number): string {
  const which = `${reasons.length} of ${count(of, "change")} ${reasons.length === 1 ? "stays" : "stay"}`;
  return [which, ...new Set(reasons)].join(" · ");
}

/** What a revert leaves as it is, because it is not on record; nothing if there is none of it. */
export function beside(commands: readonly string[] = []): string {
  if (commands.length === 0) return "";
  const names = commands.slice(0, NAMED).map((it) => `“${visible(oneLine(it))}”`);
  if (commands.length > NAMED) names.push(count(commands.length - NAMED, "other command"));
  const last = names.pop();
  return `What ${names.length === 0 ? last : `${names.join(", ")} and ${last}`} changed beside that stays`;
}

/** The files that would go back; `pathOf` makes a path of a URI. */
export function filesBack(back: readonly EditHunk[], root: string, pathOf: (uri: string) => string): FileBack[] {
  const files = new Map<string, EditHunk[]>();
  for (const it of back) files.set(it.uri, [...(files.get(it.uri) ?? []), it]);
  return [...files].flatMap(([uri, hunks]) => {
    const [hunk] = hunks;
    if (hunk === undefined) return [];
    const sum = (of: (it: EditHunk) => number): number => hunks.reduce((all, it) => all + of(it), 0);
    const lines = `${count(hunks.length, "change")} · +${sum((it) => it.added)} −${sum((it) => it.removed)}`;
    const fates = hunks.flatMap((it) => fate(it, root, pathOf) ?? []);
    return [{ path: relative(pathOf(uri), root), what: [...fates, lines].join(" · "), hunk }];
  });
}

/** What becomes of the file itself. */
function fate({ file, fromUri }: EditHunk, root: string, pathOf: (uri: string) => string): string | undefined {
  switch (file) {
    case "created": return "is deleted";
    case "deleted": return "comes back";
    case "renamed": return fromUri === undefined ? "gets its old name" : `becomes ${relative(pathOf(fromUri), root)} again`;
    case undefined: return undefined;
  }
}
