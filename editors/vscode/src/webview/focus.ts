/**
 * Where the extension wants the focus. VS Code gives a view that it shows back to what had the focus last, some time
 * after it was asked for another place; so a wish holds for a moment, unless the user does something in the view.
 */

/** How long, in milliseconds. Assistive technology moves the focus without a key, so not for ever. */
const MOMENT = 2000;

export class Focus {
  private wish: (() => HTMLElement | undefined) | undefined;
  private wanted = 0;

  constructor() {
    for (const act of ["keydown", "pointerdown"]) window.addEventListener(act, () => this.forget(), true);
    for (const moved of ["focus", "focusin"]) window.addEventListener(moved, () => this.grant());
  }

  /** To what `find` gives, now and when the focus goes elsewhere by itself. */
  want(find: () => HTMLElement | undefined): void {
    this.wish = find;
    this.wanted = performance.now();
    this.grant();
  }

  private forget(): void {
    this.wish = undefined;
  }

  /** What is wanted may be there only now. Nothing else of the window loses the focus to it. */
  renew(): void {
    if (document.hasFocus()) this.grant();
  }

  private grant(): void {
    if (performance.now() - this.wanted > MOMENT) this.forget();
    const it = this.wish?.();
    if (it !== undefined && !it.contains(document.activeElement)) it.focus();
  }
}
