/**
 * Questions before a tool runs. Only a deliberate act answers one: not a click that was meant to bring the window to the
 * front, and nothing that was under way when the question appeared.
 */
import * as vscode from "vscode";
import type { PermissionChoice } from "./protocol";
import type { Session } from "./session";

/** Time after which an act is about what is on the screen, in milliseconds. */
const DELIBERATE = 400;

export class Permissions implements vscode.Disposable {
  private focused = 0;
  private readonly shown = new Map<string, number>();
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly session: Session, private readonly now: () => number = Date.now) {
    this.subscriptions = [
      vscode.window.onDidChangeWindowState(({ focused }) => {
        if (focused) this.focused = this.now();
      }),
      session.onChange(() => this.look()),
    ];
  }

  dispose(): void {
    for (const it of this.subscriptions) it.dispose();
  }

  /** The user's answer; with a reason to be asked for. */
  async answer(id: string, choice: PermissionChoice): Promise<void> {
    const question = this.session.chat.questions.find((it) => it.id === id);
    const seen = this.shown.get(id);
    if (question === undefined || seen === undefined) return;
    if (this.now() - Math.max(seen, this.focused) < DELIBERATE) return;
    if (choice !== "reject_message") return this.session.answer(id, choice);
    const message = await vscode.window.showInputBox({ title: question.title, prompt: "What should Pi do instead?" });
    // Closing the box decides nothing.
    if (message !== undefined && message.trim() !== "") await this.session.answer(id, choice, message.trim());
  }

  /** The oldest question, by a command; the palette offers these only while one is open. */
  async answerFirst(choice: PermissionChoice): Promise<void> {
    const [question] = this.session.chat.questions;
    if (question?.choices.some((it) => it.id === choice)) await this.answer(question.id, choice);
  }

  private look(): void {
    const { questions } = this.session.chat;
    for (const { id } of questions) if (!this.shown.has(id)) this.shown.set(id, this.now());
    for (const id of this.shown.keys()) if (!questions.some((it) => it.id === id)) this.shown.delete(id);
  }
}
