/** The Changes view: files, and in them what waits for a decision. */
import * as vscode from "vscode";
import { inOrder } from "../model/hunks";
import type { EditHunk } from "../protocol";
import type { Review } from "./review";
import { size } from "./show";

/** A file, or one of its hunks. */
export type Node = { uri: vscode.Uri; hunk?: EditHunk };

export function registerTree(review: Review): vscode.Disposable {
  const provider = new Changes(review);
  const view = vscode.window.createTreeView("pi.changes", { treeDataProvider: provider, showCollapseAll: true });
  const badge = (): void => {
    const value = review.all().length;
    view.badge = value === 0 ? undefined : { value, tooltip: `${value} to review` };
  };
  return vscode.Disposable.from(view, provider, review.onChange(badge));
}

class Changes implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<void>();
  private readonly subscription: vscode.Disposable;
  readonly onDidChangeTreeData = this.emitter.event;

  constructor(private readonly review: Review) {
    this.subscription = review.onChange(() => this.emitter.fire());
  }

  dispose(): void {
    this.subscription.dispose();
    this.emitter.dispose();
  }

  getChildren(node?: Node): Node[] {
    if (node === undefined) return this.review.files().map((uri) => ({ uri }));
    if (node.hunk !== undefined) return [];
    return [...this.review.of(node.uri)].sort(inOrder).map((hunk) => ({ uri: node.uri, hunk }));
  }

  getTreeItem({ uri, hunk }: Node): vscode.TreeItem {
    if (hunk === undefined) {
      const item = new vscode.TreeItem(uri, vscode.TreeItemCollapsibleState.Expanded);
      item.contextValue = "file";
      item.description = vscode.workspace.asRelativePath(uri);
      return item;
    }
    const first = (hunk.addedText ?? hunk.removedText ?? "").split("\n").find((it) => it.trim() !== "")?.trim() ?? "";
    const item = new vscode.TreeItem(hunk.file === undefined && hunk.binary === undefined ? `line ${hunk.range.start.line + 1}` : (hunk.file ?? "changed"));
    const what = hunk.binary === undefined ? `${size(hunk)}  ${first.slice(0, 60)}` : `binary file ${hunk.binary}`;
    item.description = what;
    item.contextValue = hunk.status === "edited" ? "editedHunk" : "hunk";
    item.command = { command: "pi.hunk.show", title: "Show", arguments: [hunk.id] };
    return item;
  }
}
