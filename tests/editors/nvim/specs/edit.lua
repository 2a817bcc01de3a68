-- The main job: an edit arrives in a buffer with unsaved text.

local function edits(name)
  return {
    call("1", "read", { path = name }),
    call("2", "edit", { path = name, oldText = "11", newText = "2" }),
    answer("Made it two."),
  }
end

story("an edit reaches the unsaved buffer, not the disk, and one u undoes it", {
  files = { ["a.txt"] = "x = 1\n" },
  script = edits("a.txt"),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:keys("A1<Esc>")
  nvim:wait("vim.api.nvim_get_current_line() == 'x = 11'")
  nvim:cmd("Pi make it two")
  equal(nvim:event("PiRunEnd").outcome, "done")
  equal(nvim:buffer("a.txt"), "x = 2", "buffer")
  equal(nvim:disk("a.txt"), "x = 1\n", "disk")
  equal(nvim:lua("return vim.bo.modified"), true, "modified")
  -- Neovim echoes the label of every edit; two of them make a press-Enter prompt.
  assert(not nvim:screen():find("Workspace edit", 1, true), nvim:screen())
  nvim:keys("u")
  nvim:wait("vim.api.nvim_get_current_line() == 'x = 11'")
  nvim:keys("u")
  nvim:wait("vim.api.nvim_get_current_line() == 'x = 1'")
  nvim:keys("<C-r><C-r>")
  nvim:wait("vim.api.nvim_get_current_line() == 'x = 2'")
end)

story("an edit in the middle of the user's insert is undone without the user's text", {
  files = { ["a.txt"] = "x = 1\n" },
  script = edits("a.txt"),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:keys("A1")
  nvim:wait("vim.api.nvim_get_current_line() == 'x = 11'")
  nvim:lua("require('pi').ask({ text = 'make it two' })")
  nvim:event("PiRunEnd")
  equal(nvim:lua("return vim.fn.mode()"), "i", "mode")
  equal(nvim:buffer("a.txt"), "x = 2")
  nvim:keys("<Esc>u")
  nvim:wait("vim.api.nvim_get_current_line() == 'x = 11'")
end)

story("a file opened while the server runs is seen too, and one that Pi edits stays unsaved in the background", {
  files = { ["a.txt"] = "nothing\n", ["b.txt"] = "y = 1\n" },
  script = edits("b.txt"),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua("require('pi').session():when_ready(function() _G.ready = true end)")
  nvim:wait("_G.ready")
  nvim:edit("b.txt")
  nvim:keys("A1<Esc>")
  nvim:wait("vim.api.nvim_get_current_line() == 'y = 11'")
  nvim:cmd("set hidden | edit a.txt")
  nvim:cmd("Pi make it two")
  nvim:event("PiRunEnd")
  equal(nvim:buffer("b.txt"), "y = 2", "buffer")
  equal(nvim:disk("b.txt"), "y = 1\n", "disk")
  equal(nvim:lua("return vim.fn.expand('%:t')"), "a.txt", "current buffer")
end)

story("a file that is not open is changed on the disk", {
  files = { ["a.txt"] = "nothing\n", ["c.txt"] = "z = 11\n" },
  script = edits("c.txt"),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi make it two")
  nvim:event("PiRunEnd")
  equal(nvim:disk("c.txt"), "z = 2\n", "disk")
end)

story("an edit of a line that the user types in at that moment is not made, and shown", {
  files = { ["a.txt"] = "x = 11\n" },
  script = edits("a.txt"),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua([[
    local apply, buffer = vim.lsp.handlers["workspace/applyEdit"], vim.api.nvim_get_current_buf()
    vim.lsp.handlers["workspace/applyEdit"] = function(...)
      vim.api.nvim_buf_set_lines(buffer, 0, 1, true, { "mine" })
      return apply(...)
    end
  ]])
  nvim:cmd("Pi make it two")
  nvim:event("PiRunEnd")
  equal(nvim:buffer("a.txt"), "mine", "the user's text")
  contains(nvim:transcript(), "You changed the same lines of a.txt", "-x = 11", "+x = 2")
end)
