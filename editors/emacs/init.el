;; Emacs and Pi: what belongs into your init file.  See docs/editors/emacs.md.  -*- lexical-binding: t; -*-
(add-to-list 'load-path "/path/to/pi-server/editors/emacs")
(require 'pi)

;; If another program of that name comes first in your PATH:
;; (setq pi-command '("/path/to/pi" "lsp"))

;; Go through what waits; Flymake has no keys of its own.
(with-eval-after-load 'flymake
  (keymap-set flymake-mode-map "M-n" #'flymake-goto-next-error)
  (keymap-set flymake-mode-map "M-p" #'flymake-goto-prev-error))
