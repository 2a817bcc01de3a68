;;; pi.el --- Pi in the buffers you edit, through Eglot  -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "30.1"))
;; Keywords: tools, convenience

;;; Commentary:

;; `pi-mode' shows a buffer to "pi lsp".  Pi then reads and edits the buffer
;; itself, unsaved text included; nothing is saved, and its edits are undone
;; like any other.  Talk to it with `pi-ask', or in the chat that `pi-chat'
;; opens: write below the last "## You" and save.
;;
;; The keys are behind `pi-key-prefix', C-c , unless you change it.
;;
;; Eglot gives a buffer one server: where `pi-mode' is on, no other language
;; server runs.

;;; Code:

(require 'eglot)
(require 'outline)

(defgroup pi nil
  "Pi in the buffers you edit."
  :group 'tools)

(defcustom pi-command '("pi" "lsp")
  "The program and its arguments."
  :type '(repeat string))

(defcustom pi-settings nil
  "Settings of Pi for this Emacs, a plist with the keys of its settings.json."
  :type 'plist)

(defcustom pi-key-prefix "C-c ,"
  "The keys of `pi-mode' begin with this.  Set it before pi.el is loaded."
  :type 'key)

(defcustom pi-question-idle 1
  "Seconds without a key before a question may appear in the minibuffer.
What you are typing is no answer; `pi-answer' asks later."
  :type 'number)

(defvar-keymap pi-command-map
  :doc "The commands of Pi."
  "a" #'pi-ask
  "c" #'pi-chat
  "s" #'pi-steer
  "x" #'pi-stop
  "q" #'pi-answer
  "n" #'pi-next-change
  "k" #'pi-keep
  "r" #'pi-reject
  "K" #'pi-keep-all
  "R" #'pi-reject-all
  "u" #'pi-revert
  "U" #'pi-redo
  "w" #'pi-why
  "o" #'pi-old-text
  "m" #'eglot-code-actions)

(defvar-keymap pi-mode-map
  :doc "Keys where Pi sees the buffer.")
(keymap-set pi-mode-map pi-key-prefix pi-command-map)

;;;; The server

(defconst pi--chat-regexp "/\\.pi/chat/[^/]+\\.md\\'"
  "Matches the files of chats.")

(defclass pi-server (eglot-lsp-server)
  ((activity :initform nil :accessor pi--activity)
   (aside :initform nil :accessor pi--aside))
  :documentation "Pi as a server of Eglot.
ACTIVITY is what it does now, in a few words.  ASIDE means that the chat
that it shows next is not to be selected.")

(cl-defmethod eglot-client-capabilities :around ((_server pi-server))
  "Announce that questions can be answered; Eglot can and does not say so."
  (let ((all (cl-call-next-method)))
    (plist-put all :window
               (append (plist-get all :window)
                       '(:showMessage
                         (:messageActionItem (:additionalPropertiesSupport :json-false)))))))

(cl-defmethod eglot-initialization-options ((_server pi-server))
  "The settings in `pi-settings'."
  (or pi-settings eglot--{}))

(defun pi--server ()
  "The running Pi of this project."
  (seq-find (lambda (it) (object-of-class-p it 'pi-server))
            (gethash (eglot--current-project) eglot--servers-by-project)))

(defun pi--server-or-lose ()
  "The running Pi of this project, or an error."
  (or (pi--server) (user-error "Pi does not run here; M-x pi-mode starts it")))

(defun pi--check ()
  "Fail unless `pi-command' names the Pi that editors need.
The terminal Pi has the same name and knows nothing of language servers."
  (let* ((program (or (executable-find (car pi-command))
                      (user-error "Pi: no program %s; set `pi-command'" (car pi-command))))
         (version (with-temp-buffer
                    (call-process program nil t nil "--version")
                    (string-trim (buffer-string)))))
    (unless (string-prefix-p "pi-server " version)
      (user-error "Pi: %s is not pi-server (it says %S); set `pi-command'" program version))))

;;;###autoload
(define-minor-mode pi-mode
  "Let Pi see and edit this buffer, through Eglot."
  :lighter (:eval (pi--lighter))
  :keymap pi-mode-map
  (cond ((not pi-mode) (pi--leave))
        ((not buffer-file-name)
         (setq pi-mode nil)
         (user-error "Pi: this buffer has no file"))
        ((condition-case problem
             (progn (pi--join) nil)
           (error (setq pi-mode nil)
                  (signal (car problem) (cdr problem)))))))

(defun pi--lighter ()
  "What Pi does now, for the mode line."
  (let* ((server (and (eglot-managed-p) (eglot-current-server)))
         (activity (and (object-of-class-p server 'pi-server) (pi--activity server))))
    (if activity (format " Pi: %s" activity) " Pi")))

(defun pi--language ()
  "The language of this buffer, as servers name it."
  (string-remove-suffix "-ts" (string-remove-suffix "-mode" (symbol-name major-mode))))

(defun pi--join ()
  "Let Pi manage this buffer; it is started if need be."
  (let ((server (pi--server)))
    (cond ((null server)
           (pi--check)
           (pi--part)
           (eglot--connect (seq-uniq (list major-mode 'pi-chat-mode)) (eglot--current-project)
                           'pi-server pi-command (list (pi--language) "markdown")))
          ((not (memq (current-buffer) (eglot--managed-buffers server)))
           (pi--part)
           (unless (assq major-mode (eglot--languages server))
             (push (cons major-mode (pi--language)) (eglot--languages server)))
           (setq eglot--cached-server server)
           (eglot--maybe-activate-editing-mode)))))

(defun pi--part ()
  "Take this buffer from the server that manages it."
  (when (eglot-managed-p)
    (eglot--signal-textDocument/didClose)
    (eglot--managed-mode-off)))

(defun pi--leave ()
  "Take this buffer from Pi, which ends with its last buffer."
  (let ((server (pi--server)))
    (when (and server (memq (current-buffer) (eglot--managed-buffers server)))
      ;; Eglot shuts down only from a buffer that it manages.
      (if (cdr (eglot--managed-buffers server)) (pi--part) (eglot-shutdown server)))))

(add-hook 'eglot-managed-mode-hook #'pi--follow-eglot)
(defun pi--follow-eglot ()
  "Turn `pi-mode' on and off with the buffer's server."
  (setq pi-mode (and (eglot-managed-p)
                     (object-of-class-p (eglot-current-server) 'pi-server)))
  (force-mode-line-update))

;;;; Edits

(defun pi--flush (server)
  "Send SERVER what was typed; Eglot by itself waits for an idle moment."
  (dolist (buffer (eglot--managed-buffers server))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer
        (when (eglot-managed-p) (eglot--signal-textDocument/didChange))))))

(cl-defmethod eglot-handle-request :around
  ((server pi-server) (_method (eql workspace/applyEdit)) &rest _)
  "Keep an edit a step of its own, and tell SERVER at once what came of it."
  (let ((inhibit-message t) (message-log-max nil)) ; A growing chat is no news.
    (dolist (buffer (eglot--managed-buffers server))
      (when (buffer-live-p buffer)
        (with-current-buffer buffer (undo-boundary))))
    (unwind-protect (cl-call-next-method)
      (pi--flush server)
      (pi--follow-chats server))))

;;;; Asking

(defun pi--execute (command &rest arguments)
  "Have Pi run COMMAND with ARGUMENTS."
  (let ((server (pi--server-or-lose)))
    (pi--flush server)
    (jsonrpc-async-request
     server :workspace/executeCommand
     (list :command command :arguments (vconcat arguments))
     :success-fn #'ignore
     :error-fn (lambda (problem) (message "Pi: %s" (plist-get problem :message))))))

(defun pi--place (beg end)
  "The text between BEG and END of this file as an argument; nothing without BEG."
  (and beg buffer-file-name
       (list :uri (eglot-path-to-uri buffer-file-name)
             :range (list :start (eglot--pos-to-lsp-position beg)
                          :end (eglot--pos-to-lsp-position end)))))

(defun pi--region ()
  "The bounds of the region, if there is one."
  (and (use-region-p) (list (region-beginning) (region-end))))

(defun pi-ask (message &optional beg end)
  "Send MESSAGE to Pi and show the chat; a run in progress is steered by it.
The text between BEG and END, interactively the region, goes with it."
  (interactive (cons (read-string "Ask Pi: ") (pi--region)))
  (pi--execute "pi.prompt" (append (list :message message) (pi--place beg end)))
  (setf (pi--aside (pi--server)) t)
  (pi--execute "pi.openChat"))

(defun pi-chat (&optional beg end)
  "Open the chat of this project.
The text between BEG and END, interactively the region, is mentioned in it."
  (interactive (pi--region))
  (apply #'pi--execute "pi.openChat" (and beg (list (pi--place beg end)))))

(defun pi-steer (message)
  "Tell a running Pi MESSAGE."
  (interactive (list (read-string "Steer Pi: ")))
  (pi--execute "pi.steer" message))

(defun pi-stop ()
  "Stop the run."
  (interactive)
  (pi--execute "pi.abort"))

;;;; Review

(defun pi--act (command)
  "Do what the code action at point for COMMAND does."
  (let* ((server (pi--server-or-lose))
         (found (seq-find (lambda (it) (equal (plist-get (plist-get it :command) :command) command))
                          (eglot-code-actions (point) (point)))))
    (unless found (user-error "No change of Pi here"))
    (eglot-execute server found)))

(defmacro pi--define-action (name command doc)
  "Define command NAME with DOC for the code action that does COMMAND."
  (declare (indent 2) (doc-string 3))
  `(defun ,name () ,doc (interactive) (pi--act ,command)))

(pi--define-action pi-keep "pi.keep" "Keep the change at point.")
(pi--define-action pi-reject "pi.reject" "Reject the change at point.")
(pi--define-action pi-why "pi.why" "Say why the change at point was made.")
(pi--define-action pi-old-text "pi.oldText" "Show what was there before the change at point.")
(pi--define-action pi-next-change "pi.nextChange" "Go to the next change that waits.")

(defun pi-keep-all ()
  "Keep everything that waits in this project."
  (interactive)
  (pi--execute "pi.keepAll"))

(defun pi-reject-all ()
  "Reject everything that waits in this project."
  (interactive)
  (pi--execute "pi.rejectAll"))

(defun pi-revert ()
  "Take out what the last turn changed."
  (interactive)
  (pi--execute "pi.revert"))

(defun pi-redo ()
  "Take back the last decision.
What was taken out is put back, and what was kept waits again."
  (interactive)
  (pi--execute "pi.redo"))

;;;; Questions

(defvar pi--asking nil "A question is in the minibuffer.")

(defun pi--read-answer (question answers)
  "Show the whole QUESTION and read one of ANSWERS; nil if it stays open."
  (let ((shown (and (> (string-width question) (* 3 (frame-width)))
                    (display-buffer (pi--question-buffer question)))))
    (unwind-protect
        (let* ((pi--asking t)
               (max-mini-window-height 0.5)
               (completion-ignore-case t)
               (prompt (concat (if shown "Pi asks" question) "\nAnswer (C-g leaves it open): "))
               ;; No default: only what was chosen counts.
               (answer (condition-case nil
                           (completing-read prompt answers nil t)
                         (quit ""))))
          (and (not (string-empty-p answer)) answer))
      (when (window-live-p shown) (quit-restore-window shown 'kill)))))

(defun pi--question-buffer (text)
  "A buffer with TEXT, a long question."
  (with-current-buffer (get-buffer-create "*Pi asks*")
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert text))
    (special-mode)
    (goto-char (point-min))
    (current-buffer)))

(defun pi--idle-p ()
  "Whether the user has stopped typing, so that a key is an answer."
  (and (not (input-pending-p))
       (not (active-minibuffer-window))
       (>= (float-time (or (current-idle-time) 0)) pi-question-idle)))

(cl-defmethod eglot-handle-request
  ((server pi-server) (_method (eql window/showMessageRequest)) &key message actions
   &allow-other-keys)
  "Ask MESSAGE of SERVER in the minibuffer, to be answered with one of ACTIONS.
While the user types it waits.  No answer is an error for SERVER and not null:
null is the answer of somebody who was asked, and ends some questions."
  (let* ((idle (pi--idle-p))
         (answer (and idle
                      (pi--read-answer message
                                       (mapcar (lambda (it) (plist-get it :title)) actions)))))
    (unless idle
      (run-with-idle-timer pi-question-idle nil #'pi--ask-later server message))
    (unless answer (jsonrpc-error "Not answered yet"))
    (list :title answer)))

(defun pi--ask-later (server message)
  "Ask MESSAGE of SERVER, unless it was answered or the minibuffer is in use."
  (unless (active-minibuffer-window)
    (when-let* ((actions (pi--answers server)))
      (pi--answer server actions message))))

(cl-defmethod eglot-handle-notification
  ((_server pi-server) (_method (eql $/cancelRequest)) &rest _)
  "Take a question away that was answered elsewhere."
  (when pi--asking (abort-recursive-edit)))

(defun pi--answers (server)
  "The code actions that answer the oldest open question of SERVER, anywhere."
  (when-let* ((buffer (seq-find #'buffer-live-p (eglot--managed-buffers server))))
    (with-current-buffer buffer
      (seq-take-while (lambda (it)
                        (member (plist-get (plist-get it :command) :command)
                                '("pi.approve" "pi.answer" "pi.reject" "pi.showQuestion")))
                      (eglot-code-actions (point-min) (point-min))))))

(defun pi--answer (server actions question)
  "Let the user choose among ACTIONS, which answer QUESTION of SERVER."
  (let* ((title (lambda (it) (string-remove-prefix "Pi: " (plist-get it :title))))
         (answer (pi--read-answer question (mapcar title actions))))
    (when answer
      (eglot-execute server (seq-find (lambda (it) (equal (funcall title it) answer)) actions)))))

(defun pi-answer ()
  "Answer the oldest open question of Pi."
  (interactive)
  (let ((server (pi--server-or-lose)))
    (pi--answer server (or (pi--answers server) (user-error "Pi asks nothing")) "Pi asks")))

;;;; What Pi says

(cl-defmethod eglot-handle-notification
  ((_server pi-server) (_method (eql window/showMessage)) &key type message)
  "Show MESSAGE, in red if its TYPE is an error."
  (message "%s" (if (eq type 1) (propertize message 'face 'error) message)))

(cl-defmethod eglot-handle-notification
  ((server pi-server) (_method (eql $/progress)) &key _token value)
  "Put what SERVER does, which VALUE has, into the mode line."
  (setf (pi--activity server)
        (and (not (equal (plist-get value :kind) "end"))
             (or (plist-get value :message) (pi--activity server))))
  (force-mode-line-update t))

(cl-defmethod eglot-handle-request :around
  ((server pi-server) (_method (eql window/showDocument)) &key uri &allow-other-keys)
  "Show the document URI; a chat of SERVER with the cursor in its prompt."
  (let ((file (eglot-uri-to-path uri))
        (select (not (pi--aside server))))
    (if (not (string-match-p pi--chat-regexp file))
        (cl-call-next-method)
      (setf (pi--aside server) nil)
      (run-at-time 0 nil #'pi--show-chat file select)
      (list :success t))))

(defun pi--show-chat (file select)
  "Show the chat in FILE, and go there if SELECT."
  (let ((window (display-buffer (find-file-noselect file))))
    (set-window-point window (with-current-buffer (window-buffer window) (point-max)))
    (when select (select-window window))))

;;;; The chat

(defun pi--follow (window)
  "Keep what Pi writes in sight in WINDOW, if its cursor is in the prompt."
  (with-selected-window window
    (unless (save-excursion (re-search-forward "^## You$" nil t))
      (recenter (- (min (1- (window-body-height))
                        (max 1 (count-screen-lines (point) (point-max)))))))))

(defun pi--follow-chats (server)
  "Keep what SERVER writes in sight, in all windows."
  (dolist (buffer (eglot--managed-buffers server))
    (when (and (buffer-live-p buffer)
               (eq (buffer-local-value 'major-mode buffer) 'pi-chat-mode))
      (mapc #'pi--follow (get-buffer-window-list buffer nil t)))))

(defvar pi-chat-font-lock-keywords
  '(("^#\\{1,2\\} .*$" 0 'outline-1)
    ("^### [?✗] .*$" 0 'warning)
    ("^###+ .*$" 0 'outline-3)
    ("^<!-- .* -->$" 0 'shadow)
    ("^```\\(?:.*\n\\)*?```$" 0 'font-lock-constant-face)
    ("^> .*$" 0 'font-lock-doc-face))
  "How a chat looks.")

;;;###autoload
(define-derived-mode pi-chat-mode text-mode "Pi-Chat"
  "A chat with Pi: write below the last \"## You\" and save."
  (setq-local outline-regexp "#\\{1,3\\} "
              font-lock-multiline t
              font-lock-defaults '(pi-chat-font-lock-keywords t)
              ;; A save that nobody made by hand would send half a thought.
              auto-save-visited-mode nil)
  (add-hook 'window-size-change-functions #'pi--follow nil t)
  (outline-minor-mode)
  (visual-line-mode))

(add-to-list 'auto-mode-alist (cons pi--chat-regexp 'pi-chat-mode))

(provide 'pi)
;;; pi.el ends here
