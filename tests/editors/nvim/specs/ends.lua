-- Line ends, the line break behind the last line and the byte order mark: what Neovim makes of them by itself is no
-- failure of an edit, and nothing the user did.

--- What is in review: the status of each change, and whether the user is said to have edited it.
local function changes(nvim)
  nvim:lua([[
    _G.changes = nil
    require("pi").session():request("pi/edits/list", nil, function(_, edits)
      _G.changes = vim.tbl_map(function(it) return { it.status, it.edited or false } end, edits.hunks)
    end)
  ]])
  return nvim:wait("_G.changes")
end

local PENDING = { { "pending", false } }

--- Pi makes one change in the open file; it waits for review, and rejecting it brings back what was there.
local function changed(before, call_, format, after, back)
  local script = { call("0", "read", { path = "a.txt" }), call_, answer("Done.") }
  return { files = { ["a.txt"] = before }, script = script }, function(nvim)
    nvim:edit("a.txt")
    equal(nvim:lua("return vim.bo.fileformat"), format)
    nvim:cmd("Pi change it")
    nvim:event("PiRunEnd")
    equal(nvim:buffer("a.txt"), after, "buffer")
    equal(changes(nvim), PENDING, "changes")
    nvim:cmd("write")
    equal(changes(nvim), PENDING, "saved")
    nvim:cmd("Pi reject all")
    nvim:wait("table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\\n') == arguments[1]", back)
    equal(changes(nvim)[1][1], "rejected")
    nvim:cmd("write")
    equal(nvim:disk("a.txt"), before, "disk")
  end
end

local function write(content)
  return call("1", "write", { path = "a.txt", content = content })
end

local function edit(old, new)
  return call("1", "edit", { path = "a.txt", oldText = old, newText = new })
end

story("a text without a last line break is written into a file that has one",
  changed("one\ntwo\n", write("one\nTWO"), "unix", "one\nTWO", "one\ntwo"))

story("a text with LF is written into a file with CRLF",
  changed("one\r\ntwo\r\n", write("one\nTWO\nthree\n"), "dos", "one\nTWO\nthree", "one\ntwo"))

story("an edit takes the last line break away, which Neovim keeps",
  changed("one\ntwo\n", edit("two\n", "TWO"), "unix", "one\nTWO", "one\ntwo"))

story("a line is changed where line ends are mixed",
  changed("a\r\nb\nc\r\nd\n", edit("b\n", "B\nB\n"), "unix", "a\r\nB\nB\nc\r\nd", "a\r\nb\nc\r\nd"))

story("what is behind a CR alone stays where it is",
  changed("a\r\nb\nc\rd\ne\nf\n", edit("e\n", "EEE\n"), "unix", "a\r\nb\nc\rd\nEEE\nf", "a\r\nb\nc\rd\ne\nf"))

story("a file with a byte order mark is edited in the buffer, saved, closed, and the change is rejected", {
  files = { ["a.txt"] = "\u{feff}one\ntwo\nthree\n", ["b.txt"] = "other\n" },
  script = { edit("one", "ONE"), answer("Done.") },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:cmd("Pi change it")
  nvim:event("PiRunEnd")
  equal(changes(nvim), PENDING, "changes")
  nvim:cmd("write | edit b.txt | bdelete a.txt")
  equal(nvim:disk("a.txt"), "\u{feff}ONE\ntwo\nthree\n", "disk")
  equal(changes(nvim), PENDING, "closed")
  nvim:cmd("Pi reject all")
  nvim:wait("vim.iter(_G.said):any(function(it) return it:find('Rejected 1', 1, true) ~= nil end)")
  equal(nvim:disk("a.txt"), "\u{feff}one\ntwo\nthree\n", "rejected")
end)

story("a file with a byte order mark is edited on the disk, opened, and the change is rejected", {
  files = { ["a.txt"] = "\u{feff}one\ntwo\nthree\n", ["b.txt"] = "other\n" },
  script = { edit("one", "ONE"), answer("Done.") },
}, function(nvim)
  nvim:edit("b.txt")
  nvim:cmd("Pi change it")
  nvim:event("PiRunEnd")
  equal(nvim:disk("a.txt"), "\u{feff}ONE\ntwo\nthree\n", "disk")
  nvim:edit("a.txt")
  nvim:wait("#require('pi').hunks(vim.fn.bufnr('a.txt')) == 1")
  equal(changes(nvim), PENDING, "opened")
  nvim:cmd("Pi reject all")
  nvim:wait("vim.fn.getline(1) == 'one'")
end)
