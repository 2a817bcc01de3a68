# Changes that wait: marked, walked through, kept, rejected, and still there after a restart.
changes='[
  {"content": [{"type": "tool", "id": "1", "name": "read", "args": {"path": "a.txt"}}]},
  {"content": [
    {"type": "text", "text": "Larger numbers."},
    {"type": "tool", "id": "2", "name": "edit", "args": {"path": "a.txt", "oldText": "b = 2", "newText": "b = 20"}},
    {"type": "tool", "id": "3", "name": "edit", "args": {"path": "a.txt", "oldText": "d = 4", "newText": "d = 40"}},
    {"type": "tool", "id": "4", "name": "write", "args": {"path": "new.txt", "content": "new\n"}}
  ]},
  {"content": [{"type": "text", "text": "Done."}]}
]'
begin "$changes" $'a = 1\nb = 2\nc = 3\nd = 4\ne = 5'
ask 'larger'
check "each change is marked" screen_has '^! d = 40$'
screen_has 'Done\.'
tm_keys M-n
check "M-n goes to the first and says what it is" screen_has 'Pi changed 1 line · 1 of 3 · “Larger numbers.”'
pi_key w
check "a key says why" screen_has '^Larger numbers'
pi_key o
check "a key shows the old text" screen_has 'old-a\.txt .*All'
tm_keys C-x 1 C-x b && screen_has 'Switch to buffer' && tm_type a.txt && tm_keys Enter
screen_has '  a\.txt .*All'
pi_key k
check "a key keeps it" screen_has 'Kept 1 change'
check "its mark is gone" screen_has '^  b = 20$'
tm_keys M-n
screen_has 'Pi changed 1 line · 1 of 2'
pi_key r
check "a key rejects the next" screen_has 'Rejected 1 change'
check "its old text is back" screen_has '^  d = 4$'
save
check "saving writes what was decided" eventually disk_is $'a = 1\nb = 20\nc = 3\nd = 4\ne = 5'
pi_key n
check "a key goes to a change in another file" screen_has '  new\.txt .*All'
pi_key r
check "a created file that is rejected is gone" eventually gone "$workspace/new.txt"

begin "$changes" $'a = 1\nb = 2\nc = 3\nd = 4\ne = 5'
ask 'larger'
screen_has 'Done\.'
tm_keys C-x s && screen_has 'Save file' && tm_keys !
eventually disk_is $'a = 1\nb = 20\nc = 3\nd = 40\ne = 5'
tm_keys C-x C-c
check "Emacs ends with changes that wait" screen_has '^\[exited 0\]'
open_emacs a.txt
check "after a restart they still wait" screen_has '^! d = 40$'
pi_key R
check "a key rejects all" screen_has '^  d = 4$'
check "the created file too" eventually gone "$workspace/new.txt"
pi_key U
check "and a key puts them back" screen_has '^! d = 40$'
pi_key u
check "a key takes out what the turn changed" screen_has '^  d = 4$'
pi_key U
screen_has '^! d = 40$'
pi_key K
check "and a key keeps all" screen_has '^  d = 40$'
