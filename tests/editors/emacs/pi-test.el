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
    (when (get-buffer pi--buffer-name) (kill-buffer pi--buffer-name))
    (unwind-protect (funcall tell)
      (when-let ((server (car (apply #'append (hash-table-values eglot--servers-by-project)))))
        (eglot-shutdown server nil 5))
      (dolist (buffer (buffer-list))
        (when (buffer-file-name buffer)
          (with-current-buffer buffer (set-buffer-modified-p nil))
          (kill-buffer buffer))))))

(defun pi-test-wait (what predicate)
  "Wait until PREDICATE is true, or fail naming WHAT."
  (let ((deadline (+ (float-time) 15)))
    (while (not (funcall predicate))
      (when (> (float-time) deadline)
        (error "Never came: %s\nanswers:\n%s" what (pi-test-answers)))
      (accept-process-output nil 0.02))))

(defun pi-test-answers ()
  "The text of the answers."
  (with-current-buffer (pi--buffer) (buffer-string)))

(defun pi-test-wait-for (text)
  "Wait until TEXT is among the answers."
  (pi-test-wait text (lambda () (string-search text (pi-test-answers)))))

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
  (undo-boundary)
  (pi-ask "make it two")
  (pi-test-wait-for "Made it two.")
  (pi-test-equal "buffer" (buffer-string) "x = 2\n")
  (pi-test-equal "modified" (buffer-modified-p) t)
  (pi-test-equal "disk" (pi-test-disk "a.txt") "x = 1\n")
  (pi-test-equal "answers" (pi-test-answers)
                 "## You\n\nmake it two\n\n## Pi\n\n▸ read a.txt ✓\n\n▸ edit a.txt ✓\n\nMade it two.\n")
  (undo-boundary)
  (undo)
  (pi-test-equal "after undo" (buffer-string) "x = 11\n"))

(pi-test-story "the region goes with the question"
    (vector (pi-test-answer "Only alpha." "(?m)^alpha$") (pi-test-answer "Something else."))
    '(("a.txt" . "first\né𝄞 alpha beta\n"))
  (pi-test-visit "a.txt")
  (search-forward "alpha")
  (pi-ask "explain" (match-beginning 0) (match-end 0))
  (pi-test-wait-for "Only alpha."))

(pi-test-story "the code action asks for the question"
    (vector (pi-test-answer "Only alpha." "(?m)^alpha$") (pi-test-answer "Something else."))
    '(("a.txt" . "first\né𝄞 alpha beta\n"))
  (pi-test-visit "a.txt")
  (search-forward "alpha")
  (let ((action (seq-find (lambda (it) (string-prefix-p "Pi: ask about" (plist-get it :title)))
                          (append (eglot-code-actions (match-beginning 0) (match-end 0)) nil))))
    (cl-letf (((symbol-function 'read-string) (lambda (&rest _) "explain")))
      (eglot-execute (eglot-current-server) action)))
  (pi-test-wait-for "explain")
  (pi-test-wait-for "Only alpha."))

(pi-test-story "a running command is stopped"
    (vector (pi-test-call "1" "bash" '(command . "cat gate")))
    '(("a.txt" . "x\n"))
  (call-process "mkfifo" nil nil nil (expand-file-name "gate" pi-test-workspace))
  (pi-test-visit "a.txt")
  (pi-ask "begin")
  (pi-test-wait-for "▸ bash cat gate")
  (pi-stop)
  (pi-test-wait-for "Stopped by you"))

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
  (pi-test-wait-for "▸ bash echo yes > made")
  (pi-test-equal "before the answer" (pi-test-made) nil)
  (pi-test-choose "Pi: allow once – echo yes > made")
  (pi-test-wait-for "I have gone on.")
  (pi-test-equal "made" (pi-test-made) t))

(pi-test-asked "a code action rejects a command"
  (pi-test-choose "Pi: reject – echo yes > made")
  (pi-test-wait-for "I have gone on.")
  (pi-test-equal "made" (pi-test-made) nil))

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
