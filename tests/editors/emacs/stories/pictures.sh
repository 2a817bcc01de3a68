# The picture on the page of Emacs, of Emacs 30.1. UPDATE=1 draws it anew.
if [ "$EDITORS_SUITE" = trixie ] && [ -z "${PI_TEST_EMACS:-}" ]; then
  permission_mode ask
  TM_COLS=100 TM_ROWS=46
  begin '[
    {"content": [{"type": "text", "text": "The loop has no end. I make it three tries, if the tests allow it."},
      {"type": "tool", "id": "1", "name": "bash", "args": {"command": "make test"}}]}
  ]' $'#include "retry.h"\n\n/* Calls until it goes well. */\nint retry(int (*call)(void))\n{\n    for (;;) {\n        int result = call();\n        if (result == 0)\n            return 0;\n        log_failure(result);\n    }\n}'
  ask 'Make it give up after three tries'
  screen_has 'Answer \(C-g leaves it open\)'
  screen_has '### \? question 1 · bash|- \[ \] reject and stop'
  # What an editor hears by the way may come after the question.
  screen_has '^! #include .*' && screen_has 'F1  make-it-give-up-after-three-tries\.md' && screen_has 'Flymake\[0 0 1\]'
  check "the picture of the chat and the question is true" picture docs/editors/emacs-chat.svg \
    'Emacs: code above, the chat with Pi below it, and in the minibuffer the question whether make test may run'
  unset TM_COLS TM_ROWS
fi
