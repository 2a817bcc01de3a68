/**
 * The language client: starts `pi lsp`, shows it every document and carries requests. One for the window. It starts
 * again what ends unexpectedly, at most three times a minute. It knows nothing about sessions or views.
 */
import * as vscode from "vscode";
import {
  CloseAction, ErrorAction, LanguageClient, State, type ClientCapabilities, type LanguageClientOptions,
  type StaticFeature,
} from "vscode-languageclient/node";
import type { ActivityParams, Envelope, Methods, Params, Result } from "./protocol";
import { serveUi } from "./dialogs";
import { reloadDocuments, saveDocuments } from "./documents";
import { explain, find, type Binary } from "./binary";
import { KNOWLEDGE, serveKnowledge } from "./knowledge";
import type { Keys } from "./keys";
import { serverSettings, settings } from "./settings";
import { Asks } from "./ui";

/** How often a server that dies is started again, and the time in which that counts, in milliseconds. */
const RESTARTS = 3;
const RESTART_WINDOW = 60_000;
/** Longest wait for a server that was asked to end, in milliseconds. */
const STOP_TIMEOUT = 3000;

export type Phase = "off" | "starting" | "ready";

/** What this extension can do beyond plain LSP; the server leaves out what is not named here. */
const CAPABILITIES = {
  version: 1, events: "delta", activity: true, ui: true, permissions: "events", saveDocuments: true, reloadDocuments: true, review: true, ...KNOWLEDGE,
};

const announce: StaticFeature = {
  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.experimental = { ...(capabilities.experimental as object | undefined), pi: CAPABILITIES };
  },
  initialize() {},
  getState: () => ({ kind: "static" }),
  clear() {},
};

export class Server implements vscode.Disposable {
  phase: Phase = "off";
  binary: Binary | undefined;
  /** Why there is no server. */
  problem = "";
  /** What it asks besides permission. */
  readonly asks = new Asks();

  private client: LanguageClient | undefined;
  private starting: Promise<void> | undefined;
  private crashes: number[] = [];
  private readonly output = vscode.window.createOutputChannel("Pi", { log: true });
  private readonly eventEmitter = new vscode.EventEmitter<Envelope>();
  private readonly activityEmitter = new vscode.EventEmitter<ActivityParams>();
  private readonly phaseEmitter = new vscode.EventEmitter<Phase>();
  private readonly lostEmitter = new vscode.EventEmitter<string>();
  private readonly textEmitter = new vscode.EventEmitter<string>();
  private asking: vscode.Disposable | undefined;

  /** One `pi/event`. */
  readonly onEvent = this.eventEmitter.event;
  /** One `pi/activity`. */
  readonly onActivity = this.activityEmitter.event;
  readonly onPhase = this.phaseEmitter.event;
  /** It ended although nobody asked it to; the text is for the user. */
  readonly onLost = this.lostEmitter.event;
  /** Text for the prompt. */
  readonly onText = this.textEmitter.event;

  private readonly configured = vscode.workspace.onDidChangeConfiguration((change) => {
    if (this.phase !== "ready" || !change.affectsConfiguration("pi")) return;
    const params = { settings: { pi: serverSettings() } };
    void this.client?.sendNotification("workspace/didChangeConfiguration", params);
  });

  constructor(private readonly context: vscode.ExtensionContext, private readonly keys: Keys) {}

  /**
   * Starts it, if it does not run.
   * @throws An error for the user if it cannot be started.
   */
  async ready(): Promise<void> {
    if (this.phase === "ready") return;
    this.starting ??= this.start().finally(() => {
      this.starting = undefined;
    });
    await this.starting;
  }

  /**
   * A request of the method table. It does not start the server: what is asked belongs to the one that runs.
   * @throws An error whose message is for the user.
   */
  async request<M extends keyof Methods>(method: M, params: Params<M>): Promise<Result<M>> {
    if (this.client === undefined || this.phase !== "ready") throw new Error("Pi is not running.");
    return await this.client.sendRequest<Result<M>>(method, params);
  }

  /** Methods that the running server knows. */
  knows(method: string): boolean {
    const experimental = this.client?.initializeResult?.capabilities.experimental as
      { pi?: { methods?: string[] } } | undefined;
    return experimental?.pi?.methods?.includes(method) ?? false;
  }

  /** Ends the server; `ready` starts it again. */
  async stop(): Promise<void> {
    await this.starting?.catch(() => undefined);
    const client = this.client;
    this.client = undefined;
    this.crashes = [];
    this.enter("off");
    await client?.stop(STOP_TIMEOUT).catch((error: unknown) => this.output.warn(String(error)));
  }

  showLog(): void {
    this.output.show(true);
  }

  dispose(): void {
    void this.stop();
    this.configured.dispose();
    this.output.dispose();
    this.eventEmitter.dispose();
    this.activityEmitter.dispose();
    this.phaseEmitter.dispose();
    this.lostEmitter.dispose();
    this.textEmitter.dispose();
    this.asking?.dispose();
  }

  private enter(phase: Phase): void {
    if (this.phase === phase) return;
    this.phase = phase;
    if (phase === "off") this.asks.clear();
    this.phaseEmitter.fire(phase);
  }

  private async start(): Promise<void> {
    this.problem = "";
    this.enter("starting");
    try {
      const { binary, refused } = await find({
        setting: settings().path, extension: this.context.extensionPath, path: process.env.PATH ?? "",
        windows: process.platform === "win32",
      });
      if (binary === undefined) throw new Error(explain(refused));
      this.binary = binary;
      for (const it of refused) this.output.info(`${it.path} (${it.origin}) was not started: ${it.reason}.`);
      this.output.info(`starting ${binary.path} (${binary.origin}), pi-server ${binary.version}`);
      const client = this.make(binary, { ...process.env, ...await this.keys.all(), ...settings().env });
      this.client = client;
      await client.start();
      this.enter("ready");
    } catch (error) {
      this.client = undefined;
      this.problem = error instanceof Error ? error.message : String(error);
      this.output.error(this.problem);
      this.enter("off");
      throw error;
    }
  }

  private make(binary: Binary, env: NodeJS.ProcessEnv): LanguageClient {
    const cwd = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
    const options: LanguageClientOptions = {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled" }],
      outputChannel: this.output,
      initializationOptions: serverSettings(),
      connectionOptions: { maxRestartCount: 0 },
      // A failed code action must not open a toast over the user's work: it is in the log.
      revealOutputChannelOn: 4,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({ action: CloseAction.DoNotRestart, handled: true }),
      },
    };
    const run = { command: binary.path, args: ["lsp", ...settings().args], options: { cwd, env } };
    const client = new LanguageClient("pi", "Pi", { run, debug: run }, options);
    client.registerFeature(announce);
    client.onRequest("pi/saveDocuments", saveDocuments);
    client.onRequest("pi/reloadDocuments", reloadDocuments);
    this.asking?.dispose();
    this.asking = serveUi(client, this.asks, (text) => this.textEmitter.fire(text));
    serveKnowledge(client);
    client.onNotification("pi/event", (envelope: Envelope) => this.eventEmitter.fire(envelope));
    client.onNotification("pi/activity", (told: ActivityParams) => this.activityEmitter.fire(told));
    client.onDidChangeState(({ oldState, newState }) => {
      if (this.client === client && oldState === State.Running && newState === State.Stopped) this.lost();
    });
    return client;
  }

  private lost(): void {
    this.client = undefined;
    this.enter("off");
    const now = Date.now();
    this.crashes = [...this.crashes.filter((it) => now - it < RESTART_WINDOW), now];
    if (this.crashes.length > RESTARTS) {
      this.problem = "Pi stops right after starting.";
      this.lostEmitter.fire(this.problem);
      return;
    }
    this.lostEmitter.fire(`Pi stopped unexpectedly. Restarting… ${this.crashes.length} of ${RESTARTS}`);
    // A failure is in `problem`, and the phase says that there is none.
    this.ready().catch(() => undefined);
  }
}
