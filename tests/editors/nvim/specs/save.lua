-- Before a command of the model runs, what is unsaved is saved; and when it cannot be, the command still runs.

local function runs(command)
  return { call("1", "bash", { command = command }), answer("I have looked.") }
end

--- Opens a file and types into it.
local function typed(nvim, name)
  nvim:edit(name)
  nvim:keys("A1<Esc>")
  nvim:wait("vim.api.nvim_get_current_line() == 'x = 11'")
end

story("a command sees what was typed, because it is saved first", {
  files = { ["a.txt"] = "x = 1\n", ["b.txt"] = "x = 1\n" },
  script = runs("cat a.txt b.txt > seen"),
}, function(nvim)
  nvim:cmd("set hidden")
  typed(nvim, "a.txt")
  typed(nvim, "b.txt")
  nvim:lua("vim.api.nvim_create_autocmd('BufWritePre', { pattern = 'b.txt', callback = function() _G.formatted = true end })")
  nvim:cmd("Pi look")
  equal(nvim:event("PiRunEnd").outcome, "done")
  equal(nvim:disk("seen"), "x = 11\nx = 11\n", "what the command saw")
  equal(nvim:lua("return { vim.bo.modified, _G.formatted }"), { false, true }, "modified, autocommands")
  contains(nvim:transcript(), "I have looked.")
end)

story("typing in insert mode is saved too, and goes on", {
  files = { ["a.txt"] = "x = 1\n" },
  script = runs("cat a.txt > seen"),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:keys("A1")
  nvim:wait("vim.api.nvim_get_current_line() == 'x = 11'")
  nvim:lua("require('pi').ask({ text = 'look' })")
  nvim:event("PiRunEnd")
  equal(nvim:lua("return vim.fn.mode()"), "i", "mode")
  equal(nvim:disk("seen"), "x = 11\n", "what the command saw")
end)

story("a file that has changed on disk is not overwritten, and nobody is asked", {
  files = { ["a.txt"] = "x = 1\n" },
  script = runs("cat a.txt > seen"),
}, function(nvim)
  typed(nvim, "a.txt")
  write_file(nvim.workspace .. "/a.txt", "somebody else\n")
  nvim:cmd("Pi look")
  equal(nvim:event("PiRunEnd").outcome, "done")
  equal(nvim:disk("a.txt"), "somebody else\n", "disk")
  equal(nvim:disk("seen"), "somebody else\n", "what the command saw")
  equal(nvim:buffer("a.txt"), "x = 11", "buffer")
  equal(nvim:lua("return vim.bo.modified"), true, "modified")
end)

story("a buffer that cannot be saved holds up nothing", {
  files = { ["a.txt"] = "x = 1\n" },
  script = runs("cat a.txt > seen"),
}, function(nvim)
  typed(nvim, "a.txt")
  nvim:cmd("set readonly")
  nvim:cmd("Pi look")
  equal(nvim:event("PiRunEnd").outcome, "done")
  equal(nvim:disk("seen"), "x = 1\n", "what the command saw")
  equal(nvim:lua("return vim.bo.modified"), true, "modified")
end)
