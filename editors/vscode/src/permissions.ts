/**
 * Answers to what stands above the prompt: whether a tool may run, and whatever else is asked. Only a deliberate act
 * answers: not a click that was meant to bring the window to the front, and nothing that was under way when the
 * question appeared.
 */
import * as vscode from "vscode";
import type { ExtensionUiAnswer, PermissionChoice } from "./protocol";
import type { Session } from "./session";
import type { Asks } from "./ui";

/** Time after which an act is about what is on the screen, in milliseconds. */
const DELIBERATE = 400;

export class Permissions implements vscode.Disposable {
  private focused = 0;
  /** The question that is on the screen, and since when. */
  private shown: { id: string; since: number } | undefined;
  private readonly subscriptions: { dispose(): void }[];

  constructor(
    private readonly session: Session, private readonly asks: Asks, private readonly now: () => number = Date.now,
  ) {
    this.subscriptions = [
      vscode.window.onDidChangeWindowState(({ focused }) => {
        if (focused) this.focused = this.now();
      }),
      session.onChange(() => this.look()),
      asks.onChange(() => this.look()),
    ];
  }

  dispose(): void {
    for (const it of this.subscriptions) it.dispose();
  }

  /** The user's answer; with a reason to be asked for. */
  async answer(id: string, choice: PermissionChoice): Promise<void> {
    const question = this.session.chat.questions.find((it) => it.id === id);
    if (question === undefined || !this.deliberate(id)) return;
    if (choice !== "reject_message") return this.session.answer(id, choice);
    const message = await vscode.window.showInputBox({ title: question.title, prompt: "What should Pi do instead?" });
    // Closing the box decides nothing.
    if (message !== undefined && message.trim() !== "") await this.session.answer(id, choice, message.trim());
  }

  /** The user's answer to another question. */
  reply(id: string, answer: ExtensionUiAnswer): void {
    if (this.deliberate(id)) this.asks.answer(id, answer);
  }

  /** The oldest question, by a command; the palette offers these only while one is open. */
  async answerFirst(choice: PermissionChoice): Promise<void> {
    const [question] = this.session.chat.questions;
    if (question?.choices.some((it) => it.id === choice)) await this.answer(question.id, choice);
  }

  private look(): void {
    const [first] = [...this.session.chat.questions, ...this.asks.of(this.session.id)];
    if (first?.id !== this.shown?.id) this.shown = first && { id: first.id, since: this.now() };
  }

  private deliberate(id: string): boolean {
    return this.shown?.id === id && this.now() - Math.max(this.shown.since, this.focused) >= DELIBERATE;
  }
}
