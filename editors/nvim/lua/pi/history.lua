--- Keys of the chat's history, and only there: going through turns, to files, into details.
local window = require("pi.window")
local M = {}

local function say(text)
  vim.notify(text, vim.log.levels.INFO, { title = "Pi" })
end

--- Goes to the next or the previous turn.
local function jump(it, direction)
  local row = vim.api.nvim_win_get_cursor(0)[1]
  local target
  for _, turn in ipairs(it.transcript:turns()) do
    if direction > 0 and turn > row then
      target = turn
      break
    elseif direction < 0 and turn < row then
      target = turn
    end
  end
  if target then
    vim.cmd("normal! m'")
    vim.api.nvim_win_set_cursor(0, { target, 0 })
  end
end

--- The file that the cursor is on, in words like `src/a.rs`, `src/a.rs:12-40` or `` `src/a.rs` ``.
---@return string? path
---@return integer? line
local function file_at_cursor(it)
  local line, column = vim.api.nvim_get_current_line(), vim.api.nvim_win_get_cursor(0)[2] + 1
  local candidates, from = {}, 1
  while true do
    local first, last = line:find("[^%s`\"'()<>,;]+", from)
    if not first then
      break
    end
    local word = line:sub(first, last):gsub("^@", ""):gsub("[.:]+$", "")
    -- The word under the cursor first, then the others of the line.
    table.insert(candidates, column >= first and column <= last and 1 or #candidates + 1, word)
    from = last + 1
  end
  for _, word in ipairs(candidates) do
    local path, row = word:match("^(.-):(%d+)")
    path = path or word
    local name = vim.startswith(path, "/") and path or vim.fs.joinpath(it.root, path)
    if path ~= "" and vim.fn.filereadable(name) == 1 then
      return name, tonumber(row)
    end
  end
end

local function go_to_file(it)
  local name, row = file_at_cursor(it)
  if not name then
    return false
  end
  local win = window.go_to(name)
  if row then
    vim.api.nvim_win_set_cursor(win, { math.min(row, vim.api.nvim_buf_line_count(0)), 0 })
  end
  return true
end

--- Shows all of a tool call: its arguments and what it said.
local function details(it)
  local block = it.transcript:tool_at(vim.api.nvim_win_get_cursor(0)[1])
  if not block then
    return say("There is nothing more to show here.")
  end
  local lines = { block.name }
  for name, value in vim.spairs(block.args or {}) do
    local parts = vim.split(type(value) == "string" and value or vim.json.encode(value), "\n", { plain = true })
    lines[#lines + 1] = ("%s: %s"):format(name, parts[1])
    vim.list_extend(lines, parts, 2)
  end
  if block.output and vim.trim(block.output) ~= "" then
    lines[#lines + 1] = ""
    vim.list_extend(lines, vim.split(block.output, "\n", { plain = true }))
  end
  vim.lsp.util.open_floating_preview(lines, "", { border = "rounded", focus_id = "pi-details", wrap = true })
end

--- Copies the code block that the cursor is in.
local function yank_code()
  local row = vim.api.nvim_win_get_cursor(0)[1]
  local lines = vim.api.nvim_buf_get_lines(0, 0, -1, false)
  local open, fence
  for index, line in ipairs(lines) do
    local mark = line:match("^%s*(```+)")
    if mark and not open then
      open, fence = index, mark
    elseif mark and #mark >= #fence and line:match("^%s*```+%s*$") then
      if row >= open and row <= index then
        vim.fn.setreg(vim.v.register, vim.list_slice(lines, open + 1, index - 1), "l")
        return say(("Copied %d lines"):format(index - open - 1))
      end
      open = nil
    end
  end
  say("There is no code block here.")
end

---@param it pi.Session
---@param buf integer
function M.map_keys(it, buf)
  local function map(lhs, desc, run)
    vim.keymap.set("n", lhs, run, { buffer = buf, nowait = true, desc = "Pi: " .. desc })
  end
  map("]]", "next turn", function()
    jump(it, 1)
  end)
  map("[[", "previous turn", function()
    jump(it, -1)
  end)
  map("gf", "go to the file", function()
    if not go_to_file(it) then
      say("There is no file here.")
    end
  end)
  map("<CR>", "go to the file, or open and close the fold", function()
    if vim.fn.foldlevel(".") > 0 and vim.fn.foldclosed(".") ~= -1 or not go_to_file(it) then
      vim.cmd("silent! normal! za")
    end
  end)
  map("K", "all of a tool call", function()
    details(it)
  end)
  map("gy", "copy the code block", yank_code)
  map("s", "skip the tool that runs", function()
    require("pi").skip()
  end)
  map("x", "give up trying again", function()
    require("pi").give_up()
  end)
  map("r", "try again, or ask the last prompt again", function()
    require("pi").retry()
  end)
  for _, key in ipairs({ "i", "a", "o" }) do
    map(key, "write a prompt", function()
      require("pi.chat").focus(it, true)
    end)
  end
  map("<C-c>", "stop", function()
    it:stop()
  end)
  map("q", "close the chat", function()
    require("pi.chat").close(it)
  end)
  map("g?", "all keys", function()
    vim.cmd.help("pi-chat-keys")
  end)
end

return M
