--- The buffer in which prompts are written: ordinary text with ordinary undo, sent by a key.
local config = require("pi.config")
local draft = require("pi.draft")
local mention = require("pi.mention")
local queue = require("pi.queue")
local session = require("pi.session")
local M = {}

local below = vim.api.nvim_create_namespace("pi.prompt")

--- Prompts kept for <C-p>.
local HISTORY = 100

local buffers = {} ---@type table<string, integer> by root
local histories = {} ---@type table<string, {items: string[], at?: integer}>

local function text_of(buf)
  return vim.trim(table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), "\n"))
end

local function set_text(buf, text)
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, vim.split(text, "\n", { plain = true }))
  for _, win in ipairs(vim.fn.win_findbuf(buf)) do
    local last = vim.api.nvim_buf_line_count(buf)
    vim.api.nvim_win_set_cursor(win, { last, #vim.api.nvim_buf_get_lines(buf, last - 1, last, true)[1] })
  end
end

--- Puts text that could not be delivered back, above what has been typed since.
local function give_back(buf, text)
  local typed = text_of(buf)
  set_text(buf, typed == "" and text or text .. "\n" .. typed)
end

--- Remembers a prompt for <C-p>.
---@param it pi.Session
---@param text string
function M.remember(it, text)
  local history = histories[it.root] or { items = {} }
  histories[it.root] = history
  history.at = nil
  if history.items[#history.items] ~= text then
    table.insert(history.items, text)
  end
  if #history.items > HISTORY then
    table.remove(history.items, 1)
  end
end

--- Replaces the prompt by an earlier or a later one.
local function walk(it, buf, step)
  local history = histories[it.root]
  if not history then
    return
  end
  local at = (history.at or #history.items + 1) + step
  if at < 1 or at > #history.items + 1 then
    return
  end
  history.at = at
  set_text(buf, history.items[at] or "")
end

---@param it pi.Session
---@param buf integer
---@param queued boolean deliver after the run
local function send(it, buf, queued)
  local text = text_of(buf)
  if text == "" then
    return
  end
  M.remember(it, text)
  set_text(buf, "")
  for _, win in ipairs(vim.fn.win_findbuf(it.transcript.buf)) do
    vim.api.nvim_win_set_cursor(win, { vim.api.nvim_buf_line_count(it.transcript.buf), 0 })
  end
  local parts = it:take_added()
  draft.keep(it.root, "")
  M.show_below(it)
  mention.parts(it, text, function(mentioned)
    local all = vim.list_extend(vim.list_extend({}, parts), mentioned)
    it:send({ text = text, queue = queued, parts = all }, function(problem)
      if problem then
        it.added = vim.list_extend(parts, it.added)
        give_back(buf, text)
      end
    end)
  end)
end

--- Puts text into the prompt, above what has been typed there.
---@param it pi.Session
---@param text string
function M.insert(it, text)
  give_back(M.buffer(it), text)
end

local function map_keys(it, buf)
  local function map(modes, lhs, rhs, desc)
    vim.keymap.set(modes, lhs, rhs, { buffer = buf, desc = "Pi: " .. desc })
  end
  local function queues_by_default()
    return config.get().prompt.send_while_running == "queue"
  end
  local function send_now()
    send(it, buf, queues_by_default())
  end
  map("n", "<CR>", send_now, "send")
  map({ "n", "i" }, "<C-s>", send_now, "send")
  map({ "n", "i" }, "<M-CR>", function()
    send(it, buf, not queues_by_default())
  end, "queue for after the run")
  map({ "n", "i" }, "<C-c>", function()
    it:stop()
  end, "stop")
  map("i", "<C-p>", function()
    walk(it, buf, -1)
  end, "previous prompt")
  map("i", "<C-n>", function()
    walk(it, buf, 1)
  end, "next prompt")
  map({ "n", "i" }, "<M-Up>", function()
    queue.take_last(it, function(text)
      give_back(buf, text)
    end)
  end, "take the last queued text back")
  map("n", "g?", function()
    vim.cmd.help("pi-chat-keys")
  end, "all keys")
end

--- Grows and shrinks the window with the text and what stands below it.
local function fit(buf)
  local limits, rows = config.get().prompt.height, vim.api.nvim_buf_line_count(buf)
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buf, below, 0, -1, { details = true })) do
    rows = rows + #(mark[4].virt_lines or {})
  end
  -- The bar above takes a line of the window.
  local height = math.max(limits[1], math.min(limits[2], rows)) + 1
  for _, win in ipairs(vim.fn.win_findbuf(buf)) do
    if vim.api.nvim_win_get_height(win) ~= height then
      vim.api.nvim_win_set_height(win, height)
    end
  end
end

--- Shows below the text what goes with it and what waits.
---@param it pi.Session
function M.show_below(it)
  local buf = buffers[it.root]
  if not buf or not vim.api.nvim_buf_is_valid(buf) then
    return
  end
  vim.api.nvim_buf_clear_namespace(buf, below, 0, -1)
  local lines = vim.list_extend(queue.lines(it), require("pi.ui").lines(it))
  if #it.added > 0 then
    local chips = vim.tbl_map(function(part)
      return "[" .. require("pi.context").chip(part) .. "]"
    end, it.added)
    table.insert(lines, 1, { { table.concat(chips, " "), "PiChip" } })
  end
  if #lines > 0 then
    vim.api.nvim_buf_set_extmark(buf, below, vim.api.nvim_buf_line_count(buf) - 1, 0, { virt_lines = lines })
  end
  fit(buf)
end

--- The prompt buffer of a session's folder.
---@param it pi.Session
---@return integer
function M.buffer(it)
  local buf = buffers[it.root]
  if buf and vim.api.nvim_buf_is_valid(buf) then
    return buf
  end
  buf = vim.api.nvim_create_buf(false, true)
  buffers[it.root] = buf
  vim.bo[buf].bufhidden = "hide"
  vim.bo[buf].swapfile = false
  vim.b[buf].pi_root = it.root
  vim.api.nvim_buf_set_name(buf, ("pi://%s/prompt"):format(it.root))
  vim.bo[buf].omnifunc = "v:lua.require'pi.mention'.omnifunc"
  vim.bo[buf].filetype = "pi-prompt"
  local unsent = draft.read(it.root)
  if unsent ~= "" then
    set_text(buf, unsent)
  end
  map_keys(it, buf)
  vim.api.nvim_create_autocmd({ "TextChanged", "TextChangedI" }, {
    buffer = buf,
    callback = function()
      -- What stands below the text stays below its last line.
      if #it.added + #it.queue + #require("pi.ui").lines(it) > 0 then
        M.show_below(it)
      else
        fit(buf)
      end
      draft.keep_soon(it.root, buf)
    end,
  })
  return buf
end

-- A prompt in sight shows the state; redrawing the status lines is all that takes.
table.insert(session.on_change, function(it)
  local buf = buffers[it.root]
  if buf and #vim.fn.win_findbuf(buf) > 0 then
    require("pi.winbar").refresh(it)
    M.show_below(it)
  end
end)

return M
