/** Arithmetic of hunks: the text before them, and where they are while somebody types. Lines are 0-based, ends exclusive. */
import type { EditHunk } from "../protocol";

/** A change of a document as an editor reports it, in lines. */
export interface LineChange {
  /** First line that is touched. */
  start: number;
  /** Last line that is touched. */
  end: number;
  /** Line breaks in the new text. */
  breaks: number;
  /** Whether it ends before the first character of its last line: that line is then only moved. */
  before: boolean;
}

/** The text of a file without these hunks of it. */
export function baseText(text: string, hunks: readonly EditHunk[]): string {
  const lines = text.split(/(?<=\n)/);
  const fromBelow = [...hunks].sort((a, b) => b.range.start.line - a.range.start.line);
  for (const { range, removedText = "" } of fromBelow) {
    const count = range.end.line - range.start.line;
    lines.splice(range.start.line, count, ...(removedText === "" ? [] : [removedText]));
  }
  return lines.join("");
}

/** Where lines are after a change. */
export function moved(range: { start: number; end: number }, change: LineChange): { start: number; end: number } {
  const delta = change.breaks - (change.end - change.start);
  if (delta === 0 || change.start >= range.end + (range.start === range.end ? 1 : 0)) return range;
  const above = change.before ? change.end <= range.start : change.end < range.start;
  if (above) return { start: range.start + delta, end: range.end + delta };
  return { start: Math.min(range.start, change.start), end: Math.max(range.start, range.end + delta) };
}

/** Whether a line belongs to a hunk; lines that were only taken away hang on the line after them. */
export function covers(hunk: EditHunk, line: number): boolean {
  const { start, end } = hunk.range;
  return line >= start.line && line < Math.max(end.line, start.line + 1);
}

/** By file, and in the order of their lines. */
export function inOrder(a: EditHunk, b: EditHunk): number {
  return a.uri < b.uri ? -1 : a.uri > b.uri ? 1 : a.range.start.line - b.range.start.line;
}

/** The hunk after (or before) a place, around the end; across files. */
export function neighbour(
  hunks: readonly EditHunk[], at: { uri: string; line: number } | undefined, forward: boolean,
): EditHunk | undefined {
  const sorted = [...hunks].sort(inOrder);
  if (!forward) sorted.reverse();
  if (at === undefined) return sorted[0];
  const beyond = (it: EditHunk): boolean => {
    if (it.uri !== at.uri) return forward ? it.uri > at.uri : it.uri < at.uri;
    return forward ? it.range.start.line > at.line : it.range.start.line < at.line && !covers(it, at.line);
  };
  return sorted.find(beyond) ?? sorted[0];
}
