/**
 * Finds the `pi` program and makes sure that it is pi-server. The terminal Pi has the same name and may come first in
 * PATH; starting that one as a language server would only hang.
 */
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

/** Longest wait for an answer to `--version`, in milliseconds. The terminal Pi needs a second for it. */
const VERSION_TIMEOUT = 5000;

export type Origin = "setting" | "bundled" | "PATH" | "cargo target";

export interface Candidate {
  path: string;
  origin: Origin;
}

export interface Binary extends Candidate {
  version: string;
}

/** A program that was looked at and not taken. */
export interface Refusal extends Candidate {
  reason: string;
}

export interface Places {
  /** `pi.server.path`, empty if unset. It is the only candidate when it is set. */
  setting: string;
  /** Folder of this extension. */
  extension: string;
  /** The variable PATH. */
  path: string;
  windows: boolean;
}

/** Where to look, best first. */
export function candidates(places: Places, exists: (file: string) => boolean = isProgram): Candidate[] {
  if (places.setting !== "") return [{ path: places.setting, origin: "setting" }];
  const name = places.windows ? "pi.exe" : "pi";
  const all: Candidate[] = [{ path: path.join(places.extension, "bin", name), origin: "bundled" }];
  for (const folder of places.path.split(places.windows ? ";" : ":")) {
    // A relative folder would make the workspace choose the program.
    if (path.isAbsolute(folder)) all.push({ path: path.join(folder, name), origin: "PATH" });
  }
  const repository = path.dirname(path.dirname(places.extension));
  for (const profile of ["release", "debug"]) {
    all.push({ path: path.join(repository, "target", profile, name), origin: "cargo target" });
  }
  return all.filter((it) => exists(it.path));
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The version in what `--version` printed, if pi-server printed it. */
export function parseVersion(output: string): string | undefined {
  return /^pi-server (\S+)/.exec(output)?.[1];
}

/** Why a program that printed this was not taken. */
export function refusal(output: string): string {
  const line = output.trim().split(/\r?\n/)[0] ?? "";
  if (/^v?\d+\.\d+\.\d+$/.test(line)) return `it is the terminal Pi ${line}, not pi-server`;
  return `it does not say that it is pi-server (--version printed “${line.slice(0, 80)}”)`;
}

function identify(file: string): Promise<{ version: string } | { reason: string }> {
  return new Promise((resolve) => {
    const child = execFile(file, ["--version"], { timeout: VERSION_TIMEOUT }, (error, stdout) => {
      const version = parseVersion(stdout);
      if (version !== undefined) resolve({ version });
      else if (error?.killed) resolve({ reason: "it did not answer --version" });
      else if (error !== null && stdout === "") resolve({ reason: `it cannot be started: ${error.message.trim()}` });
      else resolve({ reason: refusal(stdout) });
    });
    child.stdin?.end();
  });
}

/** The first candidate that is pi-server, and those that came before it. */
export async function find(places: Places): Promise<{ binary?: Binary; refused: Refusal[] }> {
  const refused: Refusal[] = [];
  if (places.setting !== "" && !isProgram(places.setting)) {
    refused.push({ path: places.setting, origin: "setting", reason: "it is not there, or no program" });
  }
  for (const candidate of candidates(places)) {
    const answer = await identify(candidate.path);
    if ("version" in answer) return { binary: { ...candidate, version: answer.version }, refused };
    refused.push({ ...candidate, reason: answer.reason });
  }
  return { refused };
}

/** What to tell the user when nothing was found. */
export function explain(refused: Refusal[]): string {
  if (refused.length === 0) return "The pi program was not found. Looked in: setting, bundled, PATH, cargo target.";
  const lines = refused.map((it) => `${it.path} (${it.origin}) was not started: ${it.reason}.`);
  return ["No pi-server was found.", ...lines].join("\n");
}
