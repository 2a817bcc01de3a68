;; Emacs and Pi without pi.el, through Eglot alone.  See docs/editors/emacs.md.  -*- lexical-binding: t; -*-
;; The chat is in a mode of its own, which goes along with every language below.
(define-derived-mode pi-chat-mode text-mode "Chat")
(add-to-list 'auto-mode-alist '("/\\.pi/chat/[^/]+\\.md\\'" . pi-chat-mode))

(with-eval-after-load 'eglot
  ;; What has no language server of its own: M-x eglot starts Pi.
  (add-to-list 'eglot-server-programs '((text-mode prog-mode conf-mode) . ("pi" "lsp")) t)
  ;; What has one: both of them, through rass (pip install rassumfrassum).
  (add-to-list 'eglot-server-programs
               '((python-mode python-ts-mode pi-chat-mode) . ("rass" "--" "ruff" "server" "--" "pi" "lsp"))))
