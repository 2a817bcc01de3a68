-- What a command of the model makes of a file that is open and untouched, the buffer shows: read again, not modified.

local function runs(command)
  return { call("1", "bash", { command = command }), answer("It is formatted.") }
end

story("a buffer shows what a command made of its file, and is not modified", {
  files = { ["a.txt"] = "one\ntwo\n", ["b.txt"] = "one\n" },
  script = runs("sed -i s/one/ONE/ a.txt b.txt"),
}, function(nvim)
  nvim:cmd("set hidden noautoread")
  nvim:edit("a.txt")
  nvim:edit("b.txt")
  nvim:keys("Atyped<Esc>")
  nvim:wait("vim.api.nvim_get_current_line() == 'onetyped'")
  -- Somebody else changes it too, so that it cannot be saved before the command.
  write_file(nvim.workspace .. "/b.txt", "one\nmore\n")
  nvim:cmd("Pi format")
  equal(nvim:event("PiRunEnd").outcome, "done")
  equal(nvim:buffer("a.txt"), "ONE\ntwo", "the untouched buffer")
  equal(nvim:buffer("b.txt"), "onetyped", "what the user typed")
  equal(nvim:disk("b.txt"), "ONE\nmore\n", "what the command wrote")
  nvim:edit("a.txt")
  equal(nvim:lua("return { vim.bo.modified, vim.o.autoread, vim.fn.mode() }"), { false, false, "n" }, "modified, set, mode")
  nvim:cmd("silent write")
  equal(nvim:disk("a.txt"), "ONE\ntwo\n", "saved without a question")
  nvim:cmd("silent undo")
  equal(nvim:buffer("a.txt"), "one\ntwo", "undo")
end)

story("a file that a command moves is found under its new name only", {
  files = { ["a.txt"] = "needle\n" },
  script = { call("1", "bash", { command = "mv a.txt b.txt" }), call("2", "read", { path = "a.txt" }), answer("Moved.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi move")
  equal(nvim:event("PiRunEnd").outcome, "done")
  contains(nvim:transcript(), "ENOENT")
end)
