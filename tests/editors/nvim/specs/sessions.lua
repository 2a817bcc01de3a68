-- Chats of a folder: found, opened, named, branched, deleted; and files that go back with them.

story("chats are found by what was said, opened and named", {
  script = { answer("The answer is in the attic.", "first"), answer("Second answer.", "second") },
}, function(nvim)
  nvim:cmd("Pi the first question")
  nvim:event("PiRunEnd")
  nvim:lua("vim.ui.input = function(_, done) done('Where it is') end")
  nvim:cmd("Pi rename")
  nvim:wait("require('pi').session().name == 'Where it is'")
  nvim:lua("_G.first = require('pi').session().id")
  nvim:cmd("Pi new")
  nvim:wait("require('pi').session().id ~= _G.first")
  nvim:cmd("Pi the second question")
  nvim:event("PiRunEnd", 2)
  nvim:choose("Where it is")
  nvim:cmd("Pi sessions attic")
  nvim:wait("require('pi').session().id == _G.first")
  contains(nvim:lua("return _G.offered[1][2][1]"), "Where it is", "The answer is in the attic.")
  nvim:wait("require('pi').session().transcript:turns()[1]")
  contains(nvim:transcript(), "the first question", "in the attic")
  nvim:choose("second question")
  nvim:cmd("Pi sessions")
  nvim:wait("require('pi').session().id ~= _G.first")
  nvim:cmd("Pi sessions nobody said this")
  nvim:wait("_G.said[#_G.said] == 'No chat mentions “nobody said this”.'")
end)

story("of a chat that another process has a copy is opened", {
  script = { answer("One.", "first"), answer("Two.", "second"), answer("Three.", "third") },
}, function(nvim)
  nvim:cmd("Pi first")
  nvim:event("PiRunEnd")
  nvim:lua("_G.first, _G.file = require('pi').session().id, require('pi').session().file")
  nvim:cmd("Pi new")
  nvim:wait("require('pi').session().id ~= _G.first")
  nvim:cmd("Pi second")
  nvim:event("PiRunEnd", 2)
  nvim:lua("_G.second = require('pi').session().id")
  nvim:lua([[
    local command = vim.list_extend(vim.deepcopy(vim.g.pi.cmd), { "--mode", "rpc", "--session", _G.file })
    _G.other = vim.system(command, { stdin = true, stdout = function(_, data)
      _G.heard = _G.heard or data
    end })
    _G.other:write('{"type":"get_state","id":"1"}\n')
  ]])
  nvim:wait("_G.heard")
  nvim:choose("first", "Open a copy")
  nvim:cmd("Pi sessions")
  nvim:wait("#_G.offered == 2 and require('pi').session().id ~= _G.second")
  equal(nvim:lua("return _G.offered[2][1]"), "This chat is open in another window.")
  equal(nvim:lua("return require('pi').session().id ~= _G.first"), true)
  nvim:cmd("Pi third")
  nvim:event("PiRunEnd", 3)
  contains(nvim:transcript(), "first", "One.", "third", "Three.")
  nvim:lua("_G.other:kill('sigterm') _G.other:wait()")
end)

story("a chat is deleted after a question", { script = { answer("Hello.") } }, function(nvim)
  nvim:cmd("Pi hello")
  nvim:event("PiRunEnd")
  nvim:lua("_G.id = require('pi').session().id")
  nvim:choose("Cancel")
  nvim:cmd("Pi delete")
  nvim:wait("_G.offered[1]")
  equal(nvim:lua("return require('pi').session().id == _G.id"), true)
  nvim:choose("Delete")
  nvim:cmd("Pi delete")
  nvim:wait("_G.said[#_G.said] == 'The chat is in the trash.'")
  equal(nvim:transcript(), "")
end)

story("a fork begins before a message, whose text comes back", {
  script = { answer("One.", "first"), answer("Two.", "second"), answer("Other.", "else") },
}, function(nvim)
  nvim:cmd("Pi first")
  nvim:event("PiRunEnd")
  nvim:cmd("Pi second")
  nvim:event("PiRunEnd", 2)
  nvim:lua("_G.id = require('pi').session().id")
  nvim:choose("second")
  nvim:cmd("Pi fork")
  nvim:wait("require('pi').session().id ~= _G.id and vim.bo.filetype == 'pi-prompt'")
  equal(nvim:current(), "second")
  nvim:wait("#require('pi').session().transcript:turns() == 1")
  contains(nvim:transcript(), "first", "One.")
end)

local edits = {
  call("1", "edit", { path = "a.txt", oldText = "one", newText = "ONE" }), answer("Done."),
  call("2", "edit", { path = "a.txt", oldText = "two", newText = "TWO" }), answer("Done too."),
}

story("what was changed since a prompt is taken back after a look at it", {
  files = { ["a.txt"] = "one\nof\nthe\nlines\ntwo\n" },
  script = edits,
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi first")
  nvim:event("PiRunEnd")
  nvim:cmd("Pi keep all")
  nvim:wait("require('pi').status().hunks == 0 and _G.said[1]")
  nvim:cmd("Pi second")
  nvim:event("PiRunEnd", 2)
  nvim:choose("second", "Revert")
  nvim:cmd("Pi revert")
  nvim:wait("_G.said[#_G.said] == 'Reverted 1 change in 1 file · :Pi redo'")
  equal(nvim:lua("return _G.offered[2]"), {
    "Revert everything after this",
    { "Revert 1 change in a.txt", "The same, and go on in a new chat from before that prompt", "Compare" },
  })
  equal(nvim:buffer("a.txt"), "ONE\nof\nthe\nlines\ntwo")
  -- What was kept goes back, too.
  nvim:choose("Revert")
  nvim:cmd("Pi revert 1")
  nvim:wait("#_G.offered == 1 and _G.said[#_G.said - 1] ~= nil")
  nvim:wait("vim.api.nvim_buf_get_lines(vim.fn.bufnr('a.txt'), 0, 1, false)[1] == 'one'")
  nvim:cmd("Pi redo")
  nvim:wait("vim.api.nvim_buf_get_lines(vim.fn.bufnr('a.txt'), 0, 1, false)[1] == 'ONE'")
  nvim:cmd("Pi revert 7")
  nvim:wait("vim.tbl_contains(_G.said, 'There is no turn 7; this chat has 2.')")
end)

story("a revert names the commands whose changes stay, before and after", {
  files = { ["a.txt"] = "one\n", ["fix.sh"] = "echo made > made.txt\n" },
  script = { edits[1], call("2", "bash", { command = "sh fix.sh" }), answer("Done.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi fix it")
  nvim:event("PiRunEnd")
  nvim:choose("Revert")
  nvim:cmd("Pi revert 1")
  local stays = "What “sh fix.sh” changed beside that stays"
  nvim:wait("_G.said[#_G.said] == arguments[1]", "Reverted 1 change in 1 file · :Pi redo · " .. stays)
  equal(nvim:lua("return _G.offered[1][1]"), "Revert everything after this · " .. stays)
  equal({ nvim:buffer("a.txt"), nvim:disk("made.txt") }, { "one", "made\n" })
end)

story("the mode is chosen, the cost is said, the chat is exported and summarised", {
  script = { answer("Hello."), answer("A summary.") },
}, function(nvim)
  nvim:cmd("Pi hello")
  nvim:event("PiRunEnd")
  nvim:choose("plan")
  nvim:cmd("Pi mode")
  nvim:wait("require('pi').session().mode == 'plan'")
  nvim:cmd("Pi mode ask")
  nvim:wait("require('pi').session().mode == 'ask'")
  nvim:cmd("Pi cost")
  nvim:wait("(_G.said[#_G.said] or ''):find('tokens · ', 1, true)")
  nvim:cmd("Pi export chat.html")
  nvim:wait("(_G.said[#_G.said] or ''):find('Exported to ', 1, true)")
  contains(nvim:disk("chat.html"), "<html", "Hello.")
end)
