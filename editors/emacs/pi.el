;;; pi.el --- Ask Pi about the files you edit, through Eglot  -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "30.1"))
;; Keywords: tools, convenience

;;; Commentary:

;; `pi-mode' lets Eglot run "pi lsp" for a buffer.  Pi then reads and edits the
;; buffer itself, unsaved text included; nothing is saved, and its edits are
;; undone like any other.
;;
;;   M-x pi-mode    show this buffer to Pi
;;   M-x pi-ask     ask, about the region if there is one; a running Pi is told
;;   M-x pi-stop    stop the run
;;
;; The answer streams into the buffer *pi*.  Eglot gives a buffer one server:
;; where `pi-mode' is on, no other language server runs.

;;; Code:

(require 'eglot)

(defgroup pi nil
  "Ask Pi about the files you edit."
  :group 'tools)

(defcustom pi-command '("pi" "lsp")
  "The program and its arguments."
  :type '(repeat string))

(defconst pi--buffer-name "*pi*"
  "Name of the buffer with the answers.")

(defclass pi-server (eglot-lsp-server) ()
  :documentation "Pi as a server of Eglot.")

(cl-defmethod eglot-client-capabilities :around ((_server pi-server))
  "Announce that we take Pi's events."
  (plist-put (cl-call-next-method)
             :experimental '(:pi (:version 1 :events "delta" :commands ["pi.ask"]))))

;;;; Starting

;;;###autoload
(define-minor-mode pi-mode
  "Let Pi see and edit this buffer, through Eglot."
  :lighter " Pi"
  :keymap (make-sparse-keymap)
  (if pi-mode
      (pi--start)
    (when (pi--server) (eglot-shutdown (pi--server)))))

(defun pi--server ()
  "The running Pi of this buffer."
  (let ((server (eglot-current-server)))
    (and (object-of-class-p server 'pi-server) server)))

(defun pi--check ()
  "Fail unless `pi-command' is pi-server.
The terminal Pi has the same name and knows nothing of language servers."
  (let* ((program (or (executable-find (car pi-command))
                      (user-error "Pi: no program %s; set `pi-command'" (car pi-command))))
         (version (with-temp-buffer
                    (call-process program nil t nil "--version")
                    (string-trim (buffer-string)))))
    (unless (string-prefix-p "pi-server " version)
      (setq pi-mode nil)
      (user-error "Pi: %s is not pi-server (it says %S); set `pi-command'" program version))))

(defun pi--start ()
  "Let Eglot manage this buffer with Pi."
  (pi--check)
  (let ((eglot-server-programs
         (list (cons major-mode (cons 'pi-server pi-command)))))
    (call-interactively #'eglot)))

;;;; Asking

(defun pi--flush (server)
  "Send SERVER what was typed; Eglot by itself waits for an idle moment."
  (dolist (buffer (eglot--managed-buffers server))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer (eglot--signal-textDocument/didChange)))))

(cl-defmethod eglot-handle-request :after
  ((server pi-server) (_method (eql workspace/applyEdit)) &rest _)
  "Tell SERVER at once what the buffer has become: Pi checks its edits."
  (pi--flush server))

(defun pi--execute (command &rest arguments)
  "Have Pi run COMMAND with ARGUMENTS."
  (let ((server (or (pi--server) (user-error "Pi does not run here; M-x pi-mode starts it"))))
    (pi--flush server)
    (jsonrpc-async-request
     server :workspace/executeCommand
     (list :command command :arguments (vconcat arguments))
     :success-fn #'ignore
     :error-fn (lambda (problem) (message "Pi: %s" (plist-get problem :message))))))

(defun pi-ask (message &optional beg end)
  "Send MESSAGE to Pi; a run in progress is steered by it.
The text between BEG and END, interactively the region, goes with it."
  (interactive
   (append (list (read-string "Ask Pi: "))
           (and (use-region-p) (list (region-beginning) (region-end)))))
  (let ((argument (list :message message)))
    (when beg
      (setq argument
            (append argument
                    (list :uri (eglot-path-to-uri buffer-file-name)
                          :range (list :start (eglot--pos-to-lsp-position beg)
                                       :end (eglot--pos-to-lsp-position end))))))
    (pi--execute "pi.prompt" argument)
    (display-buffer (pi--buffer))))

(defun pi-stop ()
  "Stop the run."
  (interactive)
  (pi--execute "pi.abort"))

(cl-defmethod eglot-execute :around ((_server pi-server) action)
  "Ask the user when ACTION is \"ask about this\"."
  (let* ((command (plist-get action :command))
         (call (if (stringp command) action command)))
    (if (equal (plist-get call :command) "pi.ask")
        (pcase-let ((`(,beg . ,end)
                     (eglot-range-region (plist-get (aref (plist-get call :arguments) 0) :range))))
          (pi-ask (read-string "Ask Pi: ") beg end))
      (cl-call-next-method))))

;;;; The answer

(define-derived-mode pi-transcript-mode special-mode "Pi"
  "What was asked and answered."
  (visual-line-mode))

(defun pi--buffer ()
  "The buffer with the answers."
  (or (get-buffer pi--buffer-name)
      (with-current-buffer (get-buffer-create pi--buffer-name)
        (pi-transcript-mode)
        (current-buffer))))

(defun pi--insert (&rest texts)
  "Add TEXTS to the answers.  Windows that show the end go on showing it."
  (with-current-buffer (pi--buffer)
    (let* ((inhibit-read-only t)
           (end (point-max))
           (followers (seq-filter (lambda (window) (= (window-point window) end))
                                  (get-buffer-window-list nil nil t))))
      (save-excursion
        (goto-char end)
        (apply #'insert texts))
      (dolist (window followers) (set-window-point window (point-max))))))

(defun pi--text (content)
  "The text blocks of CONTENT."
  (if (stringp content)
      content
    (mapconcat (lambda (block) (or (plist-get block :text) "")) content "")))

(defun pi--message-ended (message)
  "Show why MESSAGE is the last one, if something went wrong."
  (pcase (plist-get message :stopReason)
    ("error"
     (let ((problem (or (plist-get message :errorMessage) "the model call failed")))
       (pi--insert "\n" problem "\n")
       (message "Pi: %s" problem)))
    ("aborted" (pi--insert "\nStopped by you\n"))))

(cl-defmethod eglot-handle-notification
  ((_server pi-server) (_method (eql pi/event)) &key event &allow-other-keys)
  "Show EVENT."
  (pcase (plist-get event :type)
    ("message_start"
     (let ((message (plist-get event :message)))
       (when (equal (plist-get message :role) "user")
         (pi--insert (if (= (buffer-size (pi--buffer)) 0) "" "\n\n")
                     "## You\n\n" (pi--text (plist-get message :content)) "\n\n## Pi\n"))))
    ("message_update"
     (let ((update (plist-get event :assistantMessageEvent)))
       (pcase (plist-get update :type)
         ("text_start" (pi--insert "\n"))
         ("text_delta" (pi--insert (plist-get update :delta)))
         ("text_end" (pi--insert "\n")))))
    ("message_end" (pi--message-ended (plist-get event :message)))
    ("tool_execution_start"
     (let ((args (plist-get event :args)))
       (pi--insert (format "\n▸ %s %s" (plist-get event :toolName)
                           (or (plist-get args :command) (plist-get args :path)
                               (plist-get args :pattern) "")))))
    ("tool_execution_end"
     (pi--insert (if (eq (plist-get event :isError) t)
                     (format " ✗\n%s\n" (pi--text (plist-get (plist-get event :result) :content)))
                   " ✓\n")))
    ("notice" (message "Pi: %s" (plist-get event :message)))
    ("extension_error"
     (message "Pi: %s: %s" (plist-get event :extensionPath) (plist-get event :error)))
    ("agent_settled" (message "Pi finished"))))

(provide 'pi)
;;; pi.el ends here
