# Changes that wait: shown as hints, walked through, kept, rejected, and still there after a restart.
five=$'a = 1\nb = 2\nc = 3\nd = 4\ne = 5'
changes='[
  {"content": [{"type": "tool", "id": "1", "name": "read", "args": {"path": "a.lua"}}]},
  {"content": [
    {"type": "text", "text": "Larger numbers."},
    {"type": "tool", "id": "2", "name": "edit", "args": {"path": "a.lua", "oldText": "b = 2", "newText": "b = 20"}},
    {"type": "tool", "id": "3", "name": "edit", "args": {"path": "a.lua", "oldText": "d = 4", "newText": "d = 40"}},
    {"type": "tool", "id": "4", "name": "write", "args": {"path": "new.lua", "content": "return 1\n"}}
  ]},
  {"content": [{"type": "text", "text": "Done."}]}
]'
begin "$changes" "$five"
tm_keys g e A
tm_type '5'
has_line 5 'e = 55' && normal_mode
tm_keys g g
choose explain
check "the status line counts what waits" screen_has 'Pi finished: 3 changes in 2 files, next with \]d'
check "the unsaved text is still there" has_line 5 'e = 55'
check "a hint marks each change" screen_has '^● +4 +d = 40'
tm_keys g g ']' d
check "]d goes to the first" screen_has '^ NOR .* 2:[0-9]+$'
check "and says what it is" screen_has 'Pi changed 1 line · 1 of 3 · “Larger numbers.” –'
tm_keys Space k
check "Space k shows what was there" screen_has '-b = 2$|-b = 2 '
tm_keys Escape
choose 'why this change?'
check "an action says why" screen_has '^Larger numbers'
choose 'show the old text'
check "another shows the old text" screen_has '^ *1 +b = 2$'
command_line buffer-close
screen_has '^ NOR .*a\.lua'
choose 'keep this change (1 of 3)'
check "it is kept" screen_has 'Kept 1 change'
screen_has 'Pi changed 1 line · 1 of 2'
tm_keys ']' d
check "]d goes on to the next" screen_has '^ NOR .* 4:[0-9]+$'
choose 'reject this change (1 of 2)'
check "it is rejected" screen_has 'Rejected 1 change'
check "its old text is back" has_line 4 'd = 4'
check "the kept one stays" has_line 2 'b = 20'
command_line w
check "saving is not refused" screen_has "'a.lua' written"
check "the disk has what was decided, and the user's text" eventually disk_is $'a = 1\nb = 20\nc = 3\nd = 4\ne = 55'
check "the created file is on the disk" [ -e "$workspace/new.lua" ]
choose 'next change → new.lua:1'
check "an action goes to a change in another file" screen_has 'NOR.* new\.lua'
choose 'reject this change (1 of 1)'
check "a created file that is rejected is gone" eventually gone "$workspace/new.lua"

begin "$changes" "$five"
choose explain
screen_has 'Pi finished: 3 changes in 2 files'
command_line wa
screen_has "'a.lua' written" && eventually disk_is $'a = 1\nb = 20\nc = 3\nd = 40\ne = 5'
quit q
check "Helix ends with changes that wait" true
open_helix a.lua
check "after a restart they still wait" screen_has '^● +2 +b = 20'
check "with what they are" screen_has 'Pi changed 1 line · 1 of 3'
tm_keys ']' d
screen_has '^ NOR .* 2:[0-9]+$'
choose 'reject all 2 in a.lua'
check "all of a file are rejected at once" has_line 4 'd = 4'
check "the other one too" has_line 2 'b = 2'
tm_keys Space p u
check "a key puts them back" has_line 2 'b = 20'
tm_keys Space p r
check "and a key takes out what the turn changed" has_line 2 'b = 2'
