-- The chat: what it shows, and that it takes nothing from the user.

local function long(count)
  local lines = {}
  for index = 1, count do
    lines[index] = "line " .. index
  end
  return table.concat(lines, "\n")
end

story("the transcript shows prompt, thinking, tool and text, and the cursor stays in the code", {
  files = { ["a.txt"] = "x = 11\n" },
  script = {
    { content = {
      { type = "thinking", chunks = { "Let me", " see." } },
      { type = "tool", id = "1", name = "read", args = { path = "a.txt" } },
    } },
    call("2", "edit", { path = "a.txt", oldText = "11", newText = "2" }),
    call("3", "bash", { command = "printf 'a\\nb\\n'; exit 3" }),
    { content = { { type = "text", chunks = { "It is", " two", " now.\n\nSecond", " paragraph." } } } },
  },
}, function(nvim)
  nvim:edit("a.txt")
  nvim:lua("_G.here = vim.api.nvim_get_current_win()")
  nvim:cmd("Pi make it two")
  equal(nvim:event("PiRunEnd").outcome, "done")
  contains(nvim:transcript(), "## You", "\n\nmake it two\n\n", "## Pi\n", "▸ thinking\n    Let me see.\n",
    "▸ read a.txt", "▸ edit a.txt\n", "-", "11", "+", "2", "▸ bash printf", "\n    a\n    b\n",
    "\n\nIt is two now.\n\nSecond paragraph.")
  equal(nvim:lua("return vim.api.nvim_get_current_win() == _G.here"), true, "window")
  equal(nvim:lua("return #vim.api.nvim_list_wins()"), 3, "windows")
  -- What was read and thought is folded; what changed a file or failed is not.
  local folded = nvim:lua([[
    local it = require("pi").session()
    local win, result = vim.fn.win_findbuf(it.transcript.buf)[1], {}
    vim.api.nvim_win_call(win, function()
      for row, line in ipairs(vim.api.nvim_buf_get_lines(0, 0, -1, false)) do
        local name = line:match("^▸ (%w+)")
        if name then
          result[name] = vim.fn.foldclosed(row) ~= -1
        end
      end
    end)
    return result
  ]])
  equal(folded, { thinking = true, read = true, edit = false, bash = false })
  equal(nvim:lua("return vim.bo[require('pi').session().transcript.buf].modifiable"), false)
  local name = nvim:lua("return vim.api.nvim_buf_get_name(require('pi').session().transcript.buf)")
  equal(name:match("^pi://"), "pi://")
  local order = nvim:lua("return vim.tbl_filter(function(it) return it == 'PiStatus' or it == 'PiRunEnd' end, _G.seen)")
  equal({ order[#order - 1], order[#order] }, { "PiStatus", "PiRunEnd" }, "the last events")
  local tools = nvim:lua("return vim.tbl_filter(function(it) return it:match('^PiTool') end, _G.seen)")
  equal(tools, { "PiToolStart", "PiToolEnd", "PiToolStart", "PiToolEnd", "PiToolStart", "PiToolEnd" })
end)

story("prompts are written below, sent by a key, and found again", {
  script = { answer("First answer."), answer("Second answer.") },
}, function(nvim)
  nvim:cmd("Pi")
  nvim:wait("vim.bo.filetype == 'pi-prompt' and vim.fn.mode() == 'i'")
  nvim:keys("one<CR>two<C-s>")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "## You", "\n\none\ntwo\n", "First answer.")
  equal(nvim:current(), "", "prompt after sending")
  nvim:keys("again<Esc><CR>")
  nvim:event("PiRunEnd", 2)
  contains(nvim:transcript(), "First answer.", "## You", "\n\nagain\n", "Second answer.")
  nvim:keys("i<C-p><C-p>")
  nvim:wait("vim.api.nvim_buf_line_count(0) == 2 and vim.api.nvim_buf_get_lines(0, 0, 1, true)[1] == 'one'")
  nvim:keys("<C-n><C-n>")
  nvim:wait("vim.api.nvim_get_current_line() == ''")
  nvim:keys("<Esc>")
  nvim:cmd("Pi close")
  equal(nvim:lua("return #vim.api.nvim_list_wins()"), 1, "windows")
  nvim:cmd("Pi toggle")
  nvim:wait("#vim.api.nvim_list_wins() == 3")
end)

story("the view follows at the end and stays put elsewhere", {
  script = { answer(long(200)), answer(long(200)), answer("The end.") },
}, function(nvim)
  nvim:cmd("Pi one")
  nvim:event("PiRunEnd")
  nvim:transcript()
  local position = [[
    local buf = require("pi").session().transcript.buf
    local win = vim.fn.win_findbuf(buf)[1]
    local row = vim.api.nvim_win_get_cursor(win)[1]
    return { row, vim.api.nvim_buf_line_count(buf), vim.fn.getwininfo(win)[1].topline, vim.api.nvim_win_get_height(win) }
  ]]
  nvim:cmd("redraw")
  local row, last = unpack(nvim:lua(position))
  equal(row, last, "cursor at the end")
  nvim:lua([[vim.api.nvim_win_set_cursor(vim.fn.win_findbuf(require("pi").session().transcript.buf)[1], { 20, 0 })]])
  nvim:cmd("redraw")
  local before = nvim:lua(position)
  nvim:cmd("Pi two")
  nvim:event("PiRunEnd", 2)
  nvim:transcript()
  nvim:cmd("redraw")
  local after = nvim:lua(position)
  equal({ after[1], after[3] }, { before[1], before[3] }, "cursor and first line")
  assert(after[2] > before[2] + 200, "the text grew")
end)

story("an error of the model stands in the transcript and is said", {
  script = { { content = { { type = "text", text = "So far" } }, error = "the model is out of order" } },
}, function(nvim)
  nvim:cmd("Pi hello")
  local ended = nvim:event("PiRunEnd")
  equal(ended.outcome, "failed")
  contains(nvim:transcript(), "So far", "the model is out of order")
  contains(nvim:event("PiError").message, "the model is out of order")
  equal(nvim:lua("return require('pi').status().state"), "failed")
end)

story("a new session begins with an empty transcript in the same windows", {
  script = { answer("Old answer."), answer("Fresh answer.", "again") },
}, function(nvim)
  nvim:cmd("Pi hello")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "Old answer.")
  nvim:lua("_G.old = require('pi').session().id")
  nvim:cmd("Pi new")
  nvim:wait("require('pi').session().id ~= _G.old")
  equal(nvim:transcript(), "", "transcript")
  equal(nvim:lua("return #vim.api.nvim_list_wins()"), 3, "windows")
  nvim:cmd("Pi again")
  nvim:event("PiRunEnd", 2)
  contains(nvim:transcript(), "again", "Fresh answer.")
end)

--- What is on the line of each closed fold of the history.
local function folded(nvim)
  return nvim:lua([[
    local win, result, row = vim.fn.win_findbuf(require("pi").session().transcript.buf)[1], {}, 1
    vim.api.nvim_win_call(win, function()
      while row <= vim.fn.line("$") do
        local last = vim.fn.foldclosedend(row)
        if last ~= -1 then
          result[#result + 1] = vim.fn.foldtextresult(row)
        end
        row = math.max(row, last) + 1
      end
    end)
    return result
  ]])
end

story("tools in a row that only look are one line, which opens, and one that fails parts them", {
  files = { ["a.txt"] = "1\n", ["b.txt"] = "2\n", ["c.txt"] = "3\n" },
  script = {
    call("1", "read", { path = "a.txt" }), call("2", "read", { path = "b.txt" }),
    call("3", "read", { path = "b.txt", offset = 1, limit = 1 }), call("4", "bash", { command = "echo" }),
    call("5", "read", { path = "a.txt" }), call("6", "read", { path = "b.txt" }),
    call("7", "read", { path = "none.txt" }), call("8", "read", { path = "c.txt" }), answer("Looked."),
  },
}, function(nvim)
  nvim:cmd("Pi look around")
  nvim:event("PiRunEnd")
  nvim:transcript()
  local lines = folded(nvim)
  contains(lines[1], "▸ Read 2 files  7 lines")
  equal(vim.tbl_map(function(line)
    return line:match("^▸ %w+ %w+")
  end, lines), { "▸ Read 2", "▸ read a", "▸ read b", "▸ read c" }, "lines")
  -- Shown again, and opened: each call has its own line.
  nvim:cmd("Pi close")
  nvim:cmd("Pi focus")
  nvim:lua([[
    vim.cmd.stopinsert()
    vim.api.nvim_set_current_win(vim.fn.win_findbuf(require("pi").session().transcript.buf)[1])
    vim.cmd("normal! gg")
    vim.fn.search("read a.txt", "c")
    vim.cmd("normal! za")
  ]])
  equal(vim.tbl_map(function(line)
    return line:match("^▸ %w+ %w+")
  end, folded(nvim)), { "▸ read a", "▸ read b", "▸ read b", "▸ read a", "▸ read b", "▸ read c" }, "opened")
end)

story("a tool is skipped by a key, and a failed call is made again at once or given up", {
  script = {
    call("1", "bash", { command = "cat gate" }), answer("Without it."),
    { error = "529 overloaded" }, answer("Here again."), { error = "529 overloaded" },
  },
}, function(nvim)
  make_gate(nvim)
  nvim:cmd("Pi begin")
  nvim:wait("require('pi').status().text:find('cat gate', 1, true)")
  nvim:transcript()
  nvim:lua("vim.api.nvim_set_current_win(vim.fn.win_findbuf(require('pi').session().transcript.buf)[1])")
  nvim:keys("s")
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "The user skipped this call.", "Without it.")
  nvim:cmd("Pi again")
  nvim:wait("require('pi').status().state == 'retrying'")
  contains(nvim:window(nvim:lua("return vim.fn.bufnr('/prompt$')")), ":Pi retry · :Pi give-up")
  nvim:cmd("Pi retry")
  nvim:event("PiRunEnd", 2)
  contains(nvim:transcript(), "Trying again in", "Here again.")
  nvim:cmd("Pi once more")
  nvim:wait("require('pi').status().state == 'retrying'")
  nvim:cmd("Pi give-up")
  equal(nvim:event("PiRunEnd", 3).outcome, "failed")
  nvim:cmd("Pi skip")
  nvim:wait("_G.said[#_G.said] == 'No tool is running.'")
end)

story("a message that steered says at which step, one that was queued does not", {
  script = { call("1", "bash", { command = "cat gate" }), answer("Heard."), answer("Then.") },
}, function(nvim)
  make_gate(nvim)
  nvim:cmd("Pi begin")
  nvim:wait("require('pi').status().text:find('cat gate', 1, true)")
  nvim:cmd("PiSteer use tabs")
  nvim:cmd("Pi queue then more")
  nvim:wait("#require('pi').session().queue == 2")
  open_gate(nvim)
  nvim:event("PiRunEnd")
  contains(nvim:transcript(), "use tabs", "Heard.", "then more", "Then.")
  equal(nvim:lua([[
    local marks = vim.api.nvim_buf_get_extmarks(require("pi").session().transcript.buf, -1, 0, -1, { details = true })
    return vim.iter(marks):map(function(it)
      local text = it[4].virt_text and it[4].virt_text[1][1] or ""
      return text:find("^steered") and text or nil
    end):totable()
  ]]), { "steered at step 2" })
end)
