;;; pi-test.el --- Stories of pi.el in a real Emacs  -*- lexical-binding: t; -*-

;;; Commentary:

;; Every story has its own workspace, script and server.  Stories wait for what
;; they expect and fail when it does not come; nothing sleeps.

;;; Code:

(require 'cl-lib)
(require 'pi)

(setq text-quoting-style 'grave make-backup-files nil create-lockfiles nil auto-save-default nil
      eglot-sync-connect 15 eglot-autoshutdown nil)

(defconst pi-test-binary (getenv "PI_BIN"))
(defconst pi-test-scratch (getenv "PI_TEST_SCRATCH"))

(defvar pi-test-stories nil "Names and functions, last first.")
(defvar pi-test-count 0)
(defvar pi-test-workspace nil)
(defvar pi-test-mode "full" "What Pi may do unasked.")

(defmacro pi-test-story (name script files &rest body)
  "Define story NAME: with SCRIPT for the model and FILES, run BODY."
  (declare (indent 3))
  `(push (list ,name (lambda () (pi-test-with ,script ,files (lambda () ,@body)))) pi-test-stories))

(defun pi-test-with (script files tell)
  "Call TELL in a workspace with FILES where the model follows SCRIPT."
  (let* ((dir (expand-file-name (number-to-string (cl-incf pi-test-count)) pi-test-scratch))
         (pi-test-workspace (file-name-as-directory (expand-file-name "workspace" dir)))
         (model (expand-file-name "model.json" dir))
         (process-environment
          (append (list (concat "PI_FAUX_SCRIPT=" model)
                        (concat "PI_CODING_AGENT_DIR=" (expand-file-name "agent" dir)))
                  process-environment))
         (pi-command (list pi-test-binary "lsp" "--provider" "faux" "--model" "scripted")))
    (make-directory (expand-file-name ".git" pi-test-workspace) t)
    (make-directory (expand-file-name "agent" dir) t)
    (with-temp-file (expand-file-name "agent/settings.json" dir)
      (insert (json-serialize `((permissions . ((mode . ,pi-test-mode)))))))
    (with-temp-file model (insert (json-serialize script)))
    (pcase-dolist (`(,name . ,text) files)
      (with-temp-file (expand-file-name name pi-test-workspace) (insert text)))
    (unwind-protect (funcall tell)
      (when-let ((server (car (apply #'append (hash-table-values eglot--servers-by-project)))))
        (with-current-buffer (car (eglot--managed-buffers server))
          (eglot-shutdown server nil 5)))
      (dolist (buffer (buffer-list))
        (when (buffer-file-name buffer)
          (with-current-buffer buffer (set-buffer-modified-p nil))
          (kill-buffer buffer))))))

(defun pi-test-wait (what predicate)
  "Wait until PREDICATE is true, or fail naming WHAT."
  (let ((deadline (+ (float-time) 15)))
    (while (not (funcall predicate))
      (when (> (float-time) deadline)
        (error "Never came: %s\nchat:\n%s" what (pi-test-chat)))
      (accept-process-output nil 0.02))))

(defun pi-test-chat ()
  "The text of the chat."
  (let ((buffer (seq-find (lambda (it) (string-match-p pi--chat-regexp (or (buffer-file-name it) "")))
                          (buffer-list))))
    (if buffer (with-current-buffer buffer (buffer-string)) "")))

(defun pi-test-wait-for (text)
  "Wait until TEXT is in the chat."
  (pi-test-wait text (lambda () (string-search text (pi-test-chat)))))

(defun pi-test-equal (what actual expected)
  "Fail unless ACTUAL is EXPECTED, naming WHAT."
  (unless (equal actual expected) (error "%s: expected %S, got %S" what expected actual)))

(defun pi-test-disk (name)
  "What the file NAME has on disk."
  (with-temp-buffer
    (insert-file-contents (expand-file-name name pi-test-workspace))
    (buffer-string)))

(defun pi-test-visit (name)
  "Visit NAME with Pi."
  (find-file (expand-file-name name pi-test-workspace))
  (buffer-enable-undo)
  (pi-mode))

(defun pi-test-call (id name &rest args)
  "A turn in which the model calls tool NAME with ARGS."
  `((content . [((type . "tool") (id . ,id) (name . ,name) (args . ,args))])))

(defun pi-test-answer (text &optional pattern)
  "A turn in which the model says TEXT, if the last prompt matches PATTERN."
  `((content . [((type . "text") (text . ,text))]) ,@(and pattern `((match . ,pattern)))))

(pi-test-story "an edit lands in the unsaved buffer, not on the disk, and is undone"
    (vector (pi-test-call "1" "read" '(path . "a.txt"))
            (pi-test-call "2" "edit" '(path . "a.txt") '(oldText . "11") '(newText . "2"))
            (pi-test-answer "Made it two."))
    '(("a.txt" . "x = 1\n"))
  (pi-test-visit "a.txt")
  (goto-char 6)
  (insert "1")
  (pi-ask "make it two")
  (pi-test-wait-for "Made it two.")
  (pi-test-equal "buffer" (buffer-string) "x = 2\n")
  (pi-test-equal "modified" (buffer-modified-p) t)
  (pi-test-equal "disk" (pi-test-disk "a.txt") "x = 1\n")
  (pi-test-wait-for "### ✓ edit a.txt +1 -1")
  (undo)
  (pi-test-equal "after undo" (buffer-string) "x = 11\n"))

(pi-test-story "the region goes with the question"
    (vector (pi-test-answer "Only alpha." "(?m)^alpha$") (pi-test-answer "Something else."))
    '(("a.txt" . "first\né𝄞 alpha beta\n"))
  (pi-test-visit "a.txt")
  (search-forward "alpha")
  (pi-ask "explain" (match-beginning 0) (match-end 0))
  (pi-test-wait-for "Only alpha."))

(pi-test-story "a code action opens the chat with the place"
    (vector)
    '(("a.txt" . "first\né𝄞 alpha beta\n"))
  (pi-test-visit "a.txt")
  (search-forward "alpha")
  (eglot-execute (eglot-current-server)
                 (seq-find (lambda (it) (string-prefix-p "Pi: ask about" (plist-get it :title)))
                           (eglot-code-actions (match-beginning 0) (match-end 0))))
  (pi-test-wait-for "## You\n\n@a.txt:2"))

(pi-test-story "one Pi serves buffers of all modes, and leaves one that is taken from it"
    (vector)
    '(("a.txt" . "x\n") ("b.el" . "(x)\n"))
  (pi-test-visit "a.txt")
  (let ((server (pi--server)))
    (pi-test-visit "b.el")
    (pi-test-equal "server" (pi--server) server)
    (pi-test-equal "buffers" (length (eglot--managed-buffers server)) 2)
    (pi-mode -1)
    (pi-test-equal "managed" (eglot-managed-p) nil)
    (pi-test-equal "buffers then" (length (eglot--managed-buffers server)) 1)
    (pi-test-equal "running" (and (jsonrpc-running-p server) t) t)
    (find-file (expand-file-name "a.txt" pi-test-workspace))
    (pi-mode -1)
    (pi-test-equal "running without buffers" (jsonrpc-running-p server) nil)))

(pi-test-story "text that Eglot has not reported yet is what a question is about"
    (vector (pi-test-answer "I see it." "(?s)look.*not reported") (pi-test-answer "Something else."))
    '(("a.txt" . "first\n"))
  (pi-test-visit "a.txt")
  (insert "not reported ")
  (pi-ask "look" (point-min) (point-max))
  (pi-test-wait-for "I see it."))

(pi-test-story "the file compiles without a warning and its texts are in order"
    (vector)
    nil
  (let ((file (expand-file-name "pi.el" pi-test-workspace)) warnings)
    (copy-file (locate-library "pi.el") file)
    (cl-letf (((symbol-function 'byte-compile-log-warning)
               (lambda (text &rest _) (push text warnings)))
              ((symbol-function 'display-warning)
               (lambda (_ text &rest _) (push text warnings))))
      (byte-compile-file file)
      (checkdoc-file file))
    (pi-test-equal "warnings" warnings nil)))

(pi-test-story "a running command is stopped"
    (vector (pi-test-call "1" "bash" '(command . "cat gate")))
    '(("a.txt" . "x\n"))
  (call-process "mkfifo" nil nil nil (expand-file-name "gate" pi-test-workspace))
  (pi-test-visit "a.txt")
  (pi-ask "begin")
  (pi-test-wait-for "$ cat gate")
  (pi-stop)
  (pi-test-wait-for "stopped"))

(defun pi-test-choose (prefix)
  "Run the code action at point whose title begins with PREFIX, as soon as there is one."
  (let (action)
    (pi-test-wait prefix
                  (lambda ()
                    (setq action (seq-find (lambda (it) (string-prefix-p prefix (plist-get it :title)))
                                           (append (eglot-code-actions (point-min) (point-min)) nil)))))
    (eglot-execute (eglot-current-server) action)))

(defun pi-test-made ()
  "Whether the command that the model asks for has run."
  (file-exists-p (expand-file-name "made" pi-test-workspace)))

(defconst pi-test-asks
  (vector (pi-test-call "1" "bash" '(command . "echo yes > made")) (pi-test-answer "I have gone on.")))

(defmacro pi-test-asked (name &rest body)
  "Define story NAME: in mode ask, run BODY when the model has begun to ask for a command."
  (declare (indent 1))
  `(push (list ,name (lambda ()
                       (let ((pi-test-mode "ask"))
                         (pi-test-with pi-test-asks '(("a.txt" . "x\n"))
                                       (lambda ()
                                         (pi-test-visit "a.txt")
                                         (pi-ask "go on")
                                         ,@body)))))
         pi-test-stories))

(pi-test-asked "a code action allows a command"
  (pi-test-wait-for "$ echo yes > made")
  (pi-test-equal "before the answer" (pi-test-made) nil)
  (pi-test-choose "Pi: allow once – echo yes > made")
  (pi-test-wait-for "I have gone on.")
  (pi-test-equal "made" (pi-test-made) t))

(pi-test-asked "a code action rejects a command"
  (pi-test-choose "Pi: reject – echo yes > made")
  (pi-test-wait-for "I have gone on.")
  (pi-test-equal "made" (pi-test-made) nil))

(pi-test-story "a question that comes while the user types stays open and can be answered later"
    (vector)
    '(("a.txt" . "x\n"))
  (pi-test-visit "a.txt")
  (pi--execute "pi.mode")
  (let ((server (pi--server))
        (mode (lambda () (plist-get (jsonrpc-request (pi--server) :pi/getState (make-hash-table))
                                    :permissionMode))))
    (pi-test-wait "the answers" (lambda () (> (length (pi--answers server)) 3)))
    (pi-test-equal "mode" (funcall mode) "full")
    (pi-test-choose "Pi: answer “plan”")
    (pi-test-wait "the mode" (lambda () (equal (funcall mode) "plan")))
    (pi-test-equal "answers" (pi--answers server) nil)))

(push (list "settings of Emacs reach Pi"
            (lambda ()
              (let ((pi-test-mode "ask")
                    (pi-settings '(:permissions (:mode "full"))))
                (pi-test-with pi-test-asks '(("a.txt" . "x\n"))
                              (lambda ()
                                (pi-test-visit "a.txt")
                                (pi-ask "go on")
                                (pi-test-wait-for "I have gone on.")
                                (pi-test-equal "made" (pi-test-made) t))))))
      pi-test-stories)

(pi-test-story "the terminal Pi is refused"
    []
    '(("a.txt" . "x\n"))
  (let ((impostor (expand-file-name "pi" pi-test-workspace)))
    (with-temp-file impostor (insert "#!/bin/sh\necho 0.73.1\n"))
    (set-file-modes impostor #o755)
    (let ((pi-command (list impostor "lsp")))
      (pi-test-equal "refusal"
                     (condition-case problem (progn (pi-test-visit "a.txt") nil)
                       (user-error (cadr problem)))
                     (format "Pi: %s is not pi-server (it says %S); set `pi-command'" impostor "0.73.1"))
      (pi-test-equal "mode" pi-mode nil))))

(defun pi-test-run ()
  "Run all stories and exit."
  (let ((passed 0) (failed 0))
    (pcase-dolist (`(,name ,story) (reverse pi-test-stories))
      (condition-case problem
          (progn (funcall story)
                 (cl-incf passed)
                 (princ (format "ok    %s\n" name)))
        (error (cl-incf failed)
               (princ (format "FAIL  %s\n%s\n" name (error-message-string problem))))))
    (princ (format "%d passed, %d failed\n" passed failed))
    (kill-emacs (if (and (= failed 0) (> passed 0)) 0 1))))

(provide 'pi-test)
;;; pi-test.el ends here
