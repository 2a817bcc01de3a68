-- Files that come and go: through Neovim, with its buffer list in order and nothing lost.

local function makes()
  return {
    call("1", "write", { path = "src/new.txt", content = "one\n" }),
    call("2", "bash", { command = "cat src/new.txt" }),
    answer("Made it."),
  }
end

--- Decides about everything Pi changed; what could not be done.
local function decide(nvim, verb)
  local conflicts = nvim:lua([[
    local client = vim.lsp.get_clients({ name = "pi" })[1]
    local ask = vim.fn.has("nvim-0.11") == 1 and function(...)
      return client:request_sync(...)
    end or client.request_sync
    local answer = ask("pi/edits/" .. ..., { scope = "folder" }, 10000)
    assert(answer and answer.result, vim.inspect(answer))
    return answer.result.conflicts
  ]], verb)
  return vim.tbl_map(function(it)
    return it.reason
  end, conflicts)
end

--- The names of the listed buffers with their flags.
local function buffers(nvim)
  return nvim:lua([[
    local found = {}
    for _, it in ipairs(vim.fn.getbufinfo({ buflisted = 1 })) do
      table.insert(found, vim.fn.fnamemodify(it.name, ":t") .. (it.changed == 1 and " changed" or ""))
    end
    table.sort(found)
    return found
  ]])
end

story("a file Pi makes is on the disk, rejected it is gone, redone it is back, and no buffer is in the way", {
  files = { ["a.txt"] = "nothing\n" },
  script = makes(),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi make it")
  nvim:event("PiRunEnd")
  equal(nvim:disk("src/new.txt"), "one\n", "disk")
  contains(nvim:transcript(), "one")
  equal(buffers(nvim), { "a.txt" })
  equal(decide(nvim, "reject"), {})
  equal(nvim:disk("src/new.txt"), nil, "disk")
  equal(buffers(nvim), { "a.txt" })
  equal(decide(nvim, "redo"), {})
  equal(nvim:disk("src/new.txt"), "one\n", "disk")
  nvim:edit("src/new.txt")
  equal(nvim:buffer("src/new.txt"), "one", "buffer")
  nvim:cmd("checktime")
  equal(buffers(nvim), { "a.txt", "new.txt" })
  -- A line Neovim prints for each request would end in a prompt to press Enter.
  assert(not nvim:screen():find("Workspace edit", 1, true), nvim:screen())
end)

story("a new file in a window goes with its buffer when it is rejected, and typed text keeps both", {
  files = { ["a.txt"] = "nothing\n" },
  script = makes(),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi make it")
  nvim:event("PiRunEnd")
  nvim:cmd("split src/new.txt")
  nvim:keys("cwuno<Esc>")
  nvim:wait("vim.api.nvim_get_current_line() == 'uno'")
  equal(#decide(nvim, "reject"), 1, "conflicts")
  equal(nvim:buffer("src/new.txt"), "uno", "buffer")
  equal(nvim:disk("src/new.txt"), "one\n", "disk")
  nvim:keys("u")
  nvim:wait("vim.api.nvim_get_current_line() == 'one'")
  equal(decide(nvim, "reject"), {})
  equal(nvim:disk("src/new.txt"), nil, "disk")
  equal(buffers(nvim), { "a.txt" })
  equal(nvim:lua("return vim.fn.expand('%:t')"), "a.txt", "current buffer")
end)

local function edits()
  return {
    call("1", "edit", { path = "a.txt", oldText = "two", newText = "TWO" }),
    call("2", "edit", { path = "a.txt", oldText = "four", newText = "FOUR" }),
    answer("Done."),
  }
end

story("a file that is renamed takes its changes along, and they are decided about there", {
  files = { ["a.txt"] = "one\ntwo\nthree\nfour\n" },
  script = edits(),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi shout")
  nvim:event("PiRunEnd")
  nvim:wait("#require('pi').hunks() == 2")
  nvim:cmd("write")
  nvim:lua("vim.lsp.util.rename(...)", nvim.workspace .. "/a.txt", nvim.workspace .. "/src/b.txt")
  equal(nvim:lua("return vim.fn.expand('%:t')"), "b.txt", "name")
  nvim:wait("#require('pi').hunks() == 2")
  nvim:keys("2G:Pi reject<CR>")
  nvim:wait("#require('pi').hunks() == 1")
  nvim:wait("vim.fn.getline(2) == 'two'")
  nvim:keys("G:Pi keep<CR>")
  nvim:wait("#require('pi').hunks() == 0")
  equal(nvim:buffer("src/b.txt"), "one\ntwo\nthree\nFOUR")
  equal(nvim:disk("a.txt"), nil, "the old file")
end)

story("a copy under another name leaves the changes with the file", {
  files = { ["a.txt"] = "one\ntwo\nthree\nfour\n" },
  script = edits(),
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi shout")
  nvim:event("PiRunEnd")
  nvim:cmd("write")
  nvim:cmd("saveas b.txt")
  nvim:edit("a.txt")
  nvim:wait("#require('pi').hunks() == 2")
  equal(#decide(nvim, "reject"), 0, "conflicts")
  equal(nvim:buffer("a.txt"), "one\ntwo\nthree\nfour")
  equal(nvim:disk("b.txt"), "one\nTWO\nthree\nFOUR\n")
end)
