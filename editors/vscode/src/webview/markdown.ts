/** Markdown of a model as elements. HTML in it is text, images are links, and links lead to the web or to files. */
import MarkdownIt from "markdown-it";
import { Blocks, type BlockOp } from "../shared/blocks";
import { element } from "./dom";

const markdown = new MarkdownIt({ html: false, linkify: false, breaks: false });
markdown.validateLink = (url) => /^(https?:|mailto:)/i.test(url.trim()) || !/^[a-z][a-z0-9+.-]*:/i.test(url.trim());
markdown.renderer.rules.image = (tokens, index) => {
  const token = tokens[index];
  const escape = markdown.utils.escapeHtml;
  return `<a href="${escape(token?.attrGet("src") ?? "")}">${escape(token?.content || "image")}</a>`;
};
// Alignment comes as an inline style, which the policy of the page forbids.
for (const rule of ["th_open", "td_open"]) {
  markdown.renderer.rules[rule] = (tokens, index) => {
    const token = tokens[index];
    const align = /text-align:(\w+)/.exec(token?.attrGet("style") ?? "")?.[1];
    return align === undefined ? `<${token?.tag}>` : `<${token?.tag} class="align-${align}">`;
  };
}

/** Renders a text that is complete. */
export function render(text: string): HTMLElement {
  const it = element("div", { class: "block" });
  it.innerHTML = markdown.render(text);
  for (const pre of it.querySelectorAll("pre")) {
    pre.tabIndex = 0;
    pre.setAttribute("aria-label", "Code");
  }
  return it;
}

/** A text that grows: only its last block is drawn again. */
export class MarkdownStream {
  readonly root = element("div", { class: "markdown" });
  private blocks = new Blocks();
  private live: HTMLElement | undefined;
  private code: Text | undefined;

  push(delta: string): void {
    this.draw(this.blocks.push(delta));
  }

  end(): void {
    this.draw(this.blocks.end());
    this.blocks = new Blocks();
  }

  private draw(ops: BlockOp[]): void {
    for (const it of ops) {
      switch (it.op) {
        case "closed":
          this.replace(render(it.text));
          this.live = undefined;
          break;
        case "open":
          this.live = this.replace(render(it.text));
          break;
        case "fence": {
          this.code = document.createTextNode("");
          const label = it.info === "" ? "Code" : `Code, ${it.info}`;
          const pre = element("pre", { tabindex: "0", "aria-label": label }, element("code", {}, this.code));
          this.replace(element("div", { class: "block" }, pre));
          this.live = undefined;
          break;
        }
        case "code":
          this.code?.appendData(it.text);
          break;
        case "fenceEnd":
          this.code = undefined;
          break;
      }
    }
  }

  private replace(it: HTMLElement): HTMLElement {
    if (this.live) this.live.replaceWith(it);
    else this.root.append(it);
    return it;
  }
}
