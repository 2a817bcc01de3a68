-- What Pi changed waits in the buffer until it is kept or rejected.

local numbers = {}
for index = 1, 40 do
  numbers[index] = "line " .. index
end
local text = table.concat(numbers, "\n") .. "\n"

local function edit(id, old, new)
  return call(id, "edit", { path = "a.txt", oldText = old, newText = new })
end

local script = {
  edit("1", "line 5\n", "LINE 5\nLINE 5b\n"),
  edit("2", "line 20\nline 21\n", "LINE 20\n"),
  edit("3", "line 39\n", ""),
  answer("Three changes."),
}

--- What `hunks()` says: first, last, added, removed.
local function hunks(nvim)
  return nvim:lua([[
    return vim.tbl_map(function(it) return { it.first, it.last, it.added, it.removed } end, require("pi").hunks())
  ]])
end

local function begin(nvim, count)
  nvim:edit("a.txt")
  nvim:cmd("Pi change it")
  nvim:event("PiRunEnd")
  nvim:wait("#require('pi').hunks(vim.fn.bufnr('a.txt')) == arguments[1]", count or 3)
end

local function screen(nvim)
  return nvim:window("a.txt")
end

story("changes are shown where they are, with the lines from before, and nothing else is asked for", {
  files = { ["a.txt"] = text },
  script = script,
}, function(nvim)
  begin(nvim)
  equal(hunks(nvim), { { 5, 6, 2, 1 }, { 21, 21, 1, 2 }, { 39, 38, 0, 1 } })
  contains(screen(nvim), "  line 4\n", "  line 5\n", "┃ LINE 5\n", "┃ LINE 5b\n", "  line 6\n", "  line 20\n  line 21\n┃ LINE 20\n")
  equal(nvim:lua("return #vim.diagnostic.get(0)"), 0, "diagnostics")
  equal(nvim:event("PiHunks").count, 3)
  equal(nvim:lua("return require('pi').status().hunks"), 3)
end)

--- What became of all changes, sorted.
local function statuses(nvim)
  nvim:lua([[
    _G.statuses = nil
    require("pi").session():request("pi/edits/list", nil, function(_, edits)
      _G.statuses = vim.tbl_map(function(it) return it.status end, edits.hunks)
      table.sort(_G.statuses)
    end)
  ]])
  return nvim:wait("_G.statuses")
end

story("one change is kept, another rejected, and an undo counts as rejecting the third", {
  files = { ["a.txt"] = text },
  script = script,
}, function(nvim)
  begin(nvim)
  -- The last edit was that of line 39: one u takes it back.
  nvim:keys("u")
  nvim:wait("#require('pi').hunks() == 2")
  nvim:keys("5G:Pi keep<CR>")
  nvim:wait("#require('pi').hunks() == 1")
  contains(nvim:lua("return _G.said[#_G.said]"), "Kept 1 change")
  nvim:keys("21G:Pi reject<CR>")
  nvim:wait("#require('pi').hunks() == 0")
  contains(nvim:lua("return _G.said[#_G.said]"), "Rejected 1 change · :Pi redo")
  equal(nvim:buffer("a.txt") .. "\n", (text:gsub("line 5\n", "LINE 5\nLINE 5b\n")))
  equal(statuses(nvim), { "kept", "rejected", "rejected" })
  nvim:keys(":Pi reject<CR>")
  nvim:wait("_G.said[#_G.said] == 'Nothing to review'")
  -- The rejection is an edit of its own, which u takes back.
  nvim:keys("u")
  nvim:wait("#require('pi').hunks() == 1")
  equal(hunks(nvim), { { 21, 21, 1, 2 } })
end)

story("a rejected change is put back", { files = { ["a.txt"] = text }, script = script }, function(nvim)
  begin(nvim)
  local changed = nvim:buffer("a.txt")
  nvim:cmd("Pi reject all")
  nvim:wait("#require('pi').hunks() == 0")
  equal(nvim:buffer("a.txt") .. "\n", text)
  nvim:cmd("Pi redo")
  nvim:wait("#require('pi').hunks() == 3")
  equal(nvim:buffer("a.txt"), changed)
  equal(nvim:lua("return _G.said[#_G.said]"), "Redone: 3 changes")
end)

story("what waits moves with the text at once, and typing in it keeps it from being rejected", {
  files = { ["a.txt"] = text },
  script = script,
}, function(nvim)
  begin(nvim)
  nvim:lua("vim.api.nvim_buf_set_lines(0, 0, 0, true, { 'mine', 'mine too' })")
  equal(hunks(nvim), { { 7, 8, 2, 1 }, { 23, 23, 1, 2 }, { 41, 40, 0, 1 } })
  nvim:keys("23GA and more<Esc>")
  nvim:wait("require('pi').hunks()[2].status == 'edited'")
  nvim:keys(":Pi reject<CR>")
  nvim:wait("_G.said[#_G.said] ~= nil")
  nvim:keys(":2,30Pi reject<CR>")
  nvim:wait("#require('pi').hunks() == 2")
  contains(nvim:current(), "mine\nmine too\nline 1\n", "line 5\nline 6", "LINE 20 and more")
  equal(nvim:lua("return vim.api.nvim_get_current_line()"):match("^L?l?%a+") ~= nil, true)
end)

story("a review lists all, has keys, and ends by itself with everything as it was", {
  files = { ["a.txt"] = text, ["b.txt"] = "one\ntwo\n" },
  script = {
    edit("1", "line 5\n", "LINE 5\n"),
    edit("2", "line 20\n", "LINE 20\n"),
    call("3", "edit", { path = "b.txt", oldText = "two", newText = "2" }),
    answer("Three changes."),
  },
}, function(nvim)
  begin(nvim, 2)
  nvim:wait("require('pi').status().hunks == 3")
  nvim:lua([[
    vim.g.maplocalleader = ","
    vim.keymap.set("n", "]h", "<Cmd>let g:mine = 1<CR>", { buffer = true })
    vim.fn.setqflist({}, " ", { title = "mine", items = { { filename = "a.txt", lnum = 1, text = "x" } } })
    _G.windows = #vim.api.nvim_list_wins()
  ]])
  nvim:cmd("Pi review")
  nvim:wait("vim.fn.getqflist({ title = 0 }).title == 'Pi: changes'")
  equal(nvim:lua([[return vim.tbl_map(function(it)
    return { vim.fn.fnamemodify(vim.api.nvim_buf_get_name(it.bufnr), ":t"), it.lnum, it.text }
  end, vim.fn.getqflist())]]), {
    { "a.txt", 5, "+1 −1  LINE 5" }, { "a.txt", 20, "+1 −1  LINE 20" }, { "b.txt", 2, "+1 −1  2" },
  })
  equal(nvim:lua("return { vim.fn.expand('%:t'), vim.fn.line('.') }"), { "a.txt", 5 })
  contains(screen(nvim), "┃ LINE 5 π 1/3 keep ,k reject ,x")
  nvim:keys("]h")
  nvim:wait("vim.fn.line('.') == 20")
  nvim:keys(",x")
  nvim:wait("#require('pi').hunks() == 1")
  equal(nvim:lua("return vim.fn.getline(20)"), "line 20")
  nvim:keys("]h")
  nvim:wait("vim.fn.expand('%:t') == 'b.txt'")
  contains(nvim:lua("return vim.fn.maparg(',k', 'n')"), "pi-hunk-keep")
  nvim:keys(",k")
  nvim:wait("#vim.fn.getqflist() == 1")
  nvim:keys("[h")
  nvim:wait("vim.fn.line('.') == 5")
  nvim:keys(",k")
  nvim:wait("vim.fn.getqflist({ title = 0 }).title == 'mine'")
  equal(nvim:lua("return _G.said[#_G.said]"), "Kept 1 change")
  assert(nvim:lua("return vim.tbl_contains(_G.said, 'Nothing left to review')"))
  equal(nvim:lua("return #vim.api.nvim_list_wins() == _G.windows"), true, "windows")
  equal(nvim:lua("return { vim.fn.maparg(',k', 'n'), vim.fn.maparg(',x', 'n') }"), { "", "" }, "keys")
  nvim:keys("]h")
  nvim:wait("vim.g.mine == 1")
end)

story("what waits survives a restart of the server and of the editor's buffer", {
  files = { ["a.txt"] = text },
  script = script,
}, function(nvim)
  begin(nvim)
  nvim:cmd("write")
  nvim:lua("_G.client = require('pi').session().client.id")
  nvim:cmd("Pi restart")
  nvim:wait("require('pi').session().phase == 'ready' and require('pi').session().client.id ~= _G.client")
  nvim:cmd("bwipeout | edit a.txt")
  nvim:wait("#require('pi').hunks() == 3")
  contains(screen(nvim), "  line 5\n", "┃ LINE 5\n")
  nvim:keys("5G:Pi reject<CR>")
  nvim:wait("#require('pi').hunks() == 2")
  equal(nvim:lua("return vim.fn.getline(5)"), "line 5")
end)

story("the file from before stands beside it, and follows what is decided", {
  files = { ["a.txt"] = text },
  script = script,
}, function(nvim)
  begin(nvim)
  nvim:cmd("only")
  nvim:cmd("Pi diff")
  local base = nvim.workspace .. "/a.txt"
  local old = [[return table.concat(vim.api.nvim_buf_get_lines(vim.fn.bufnr("pi-base://" .. ...), 0, -1, false), "\n")]]
  equal(nvim:lua(old, base) .. "\n", text)
  equal(nvim:lua("return vim.tbl_map(function(it) return vim.wo[it].diff end, vim.api.nvim_list_wins())"), { true, true })
  nvim:keys("5G:Pi keep<CR>")
  nvim:wait("#require('pi').hunks() == 2")
  equal(nvim:lua(old, base) .. "\n", (text:gsub("line 5\n", "LINE 5\nLINE 5b\n")))
  nvim:keys("<C-w>h:q<CR>")
  nvim:wait("#vim.api.nvim_list_wins() == 1 and not vim.wo.diff")
end)

story("the lines of a change are a text object, and its old text opens beside it", {
  files = { ["a.txt"] = text },
  script = script,
}, function(nvim)
  begin(nvim)
  nvim:lua([[
    vim.keymap.set({ "o", "x" }, "ih", "<Plug>(pi-hunk-inner)")
    vim.keymap.set("n", "gp", "<Plug>(pi-hunk-preview)")
    vim.keymap.set("n", "]h", "<Plug>(pi-hunk-next)")
  ]])
  nvim:keys("gg]hyih")
  nvim:wait([[vim.fn.getreg('"') == "LINE 5\nLINE 5b\n"]])
  nvim:keys("gp")
  nvim:wait([[vim.iter(vim.api.nvim_list_wins()):any(function(win)
    local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(win), 0, -1, false)
    return vim.deep_equal(lines, { "-line 5", "+LINE 5", "+LINE 5b" })
  end)]])
end)

story("long removals are cut, and nothing is drawn for those who do not want it", {
  files = { ["a.txt"] = text },
  config = {
    cmd = { vim.env.PI_BIN, "--provider", "faux", "--model", "scripted" },
    review = { max_removed = 2 },
  },
  script = { edit("1", "line 5\nline 6\nline 7\nline 8\n", ""), answer("Shorter.") },
}, function(nvim)
  begin(nvim, 1)
  contains(screen(nvim), "  line 4\n", "  line 5\n  line 6\n  … 2 more, <Plug>(pi-hunk-preview)\n", "line 9\n")
  nvim:lua("vim.g.pi = vim.tbl_extend('force', vim.g.pi, { review = { style = 'off' } })")
  nvim:lua("require('pi.config').reset(); require('pi').session().review:redraw()")
  contains(screen(nvim), "line 4\nline 9\n")
  equal(hunks(nvim), { { 5, 4, 0, 4 } })
end)

story("a file that Pi made disappears when that is rejected, and comes back", {
  files = { ["a.txt"] = "one\n" },
  script = { call("1", "write", { path = "made.txt", content = "fresh\nlines\n" }), answer("Made.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi make it")
  nvim:event("PiRunEnd")
  nvim:wait("require('pi').status().hunks == 1")
  nvim:cmd("Pi review")
  nvim:wait("vim.fn.expand('%:t') == 'made.txt' and #require('pi').hunks() == 1")
  contains(nvim:lua("return vim.fn.getqflist()[1].text"), "+2 −0  created  fresh")
  nvim:cmd("Pi reject")
  nvim:wait("require('pi').status().hunks == 0")
  equal(nvim:disk("made.txt"), nil, "disk")
  nvim:wait("vim.fn.bufloaded('made.txt') == 0")
  nvim:cmd("Pi redo")
  nvim:wait("require('pi').status().hunks == 1")
  nvim:cmd("Pi review")
  nvim:wait("#require('pi').hunks() == 1")
  equal(nvim:current(), "fresh\nlines", "buffer")
end)

story("a file that Pi deleted is shown as it was, and comes back", {
  files = { ["a.txt"] = "one\n", ["old.txt"] = "still\nneeded\n" },
  script = { call("1", "bash", { command = "rm old.txt" }), answer("Gone.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua("vim.g.maplocalleader = ','")
  nvim:cmd("Pi tidy up")
  nvim:event("PiRunEnd")
  nvim:wait("require('pi').status().hunks == 1")
  equal(nvim:disk("old.txt"), nil, "disk")
  nvim:cmd("Pi review")
  nvim:wait("vim.startswith(vim.api.nvim_buf_get_name(0), 'pi-base://')")
  equal(nvim:current(), "still\nneeded")
  contains(nvim:lua("return vim.fn.getqflist()[1].text"), "deleted")
  nvim:keys(",x")
  nvim:wait("require('pi').status().hunks == 0")
  equal(nvim:disk("old.txt"), "still\nneeded\n", "disk")
end)
