--- The chat's two windows: history above, prompt below. They are ordinary windows; closing them stops nothing.
local config = require("pi.config")
local prompt = require("pi.prompt")
local session = require("pi.session")
local M = {}

local augroup = vim.api.nvim_create_augroup("pi.chat", {})

---@return integer? win in the current tab page
local function window_of(buf)
  for _, win in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    if vim.api.nvim_win_get_buf(win) == buf then
      return win
    end
  end
end

--- Whether the history is on screen in the current tab page.
---@param it pi.Session
---@return boolean
function M.visible(it)
  return window_of(it.transcript.buf) ~= nil
end

local function set_options(win, options)
  for name, value in pairs(options) do
    vim.api.nvim_set_option_value(name, value, { scope = "local", win = win })
  end
end

local common = {
  number = false,
  relativenumber = false,
  signcolumn = "no",
  foldcolumn = "0",
  list = false,
  spell = false,
  wrap = true,
  linebreak = true,
  breakindent = true,
  cursorline = false,
  colorcolumn = "",
}

local function cells(size, all)
  return math.max(10, size < 1 and math.floor(all * size) or size)
end

--- Opens the history's window as the layout says, without entering it.
local function open_history(buf)
  local chat = config.get().chat
  local width, height = cells(chat.width, vim.o.columns), cells(chat.height, vim.o.lines)
  if chat.layout == "tab" then
    vim.cmd.tabnew()
    vim.bo.bufhidden = "wipe"
    vim.api.nvim_win_set_buf(0, buf)
    return vim.api.nvim_get_current_win()
  elseif chat.layout == "current" then
    vim.api.nvim_win_set_buf(0, buf)
    return vim.api.nvim_get_current_win()
  elseif chat.layout == "float" then
    return vim.api.nvim_open_win(buf, false, {
      relative = "editor",
      width = width,
      height = vim.o.lines - 10,
      row = 1,
      col = vim.o.columns - width - 2,
      border = "rounded",
    })
  elseif chat.layout == "bottom" then
    return vim.api.nvim_open_win(buf, false, { split = "below", win = -1, height = height })
  end
  return vim.api.nvim_open_win(buf, false, { split = chat.layout, win = -1, width = width })
end

local function open_prompt(buf, history)
  local height = config.get().prompt.height[1]
  if vim.api.nvim_win_get_config(history).relative ~= "" then
    local above = vim.api.nvim_win_get_config(history)
    return vim.api.nvim_open_win(buf, false, {
      relative = "editor",
      width = above.width,
      height = height,
      row = above.row + above.height + 2,
      col = above.col,
      border = "rounded",
    })
  end
  return vim.api.nvim_open_win(buf, false, { split = "below", win = history, height = height })
end

local function decorate_history(win)
  set_options(win, common)
  set_options(win, {
    foldmethod = "manual",
    foldenable = true,
    foldtext = "v:lua.require'pi.transcript'.foldtext()",
    fillchars = "fold: ",
    conceallevel = 0,
    winbar = "%{%v:lua.require'pi.winbar'.history()%}",
  })
  if vim.fn.exists("+winfixbuf") == 1 and config.get().chat.layout ~= "current" then
    set_options(win, { winfixbuf = true })
  end
end

local function decorate_prompt(win)
  set_options(win, common)
  set_options(win, { winfixheight = true, winbar = "%{%v:lua.require'pi.winbar'.prompt()%}" })
  if vim.fn.exists("+winfixbuf") == 1 then
    set_options(win, { winfixbuf = true })
  end
end

--- Keys of the history buffer, and only there.
local function map_history(it, buf)
  local function map(lhs, rhs, desc)
    vim.keymap.set("n", lhs, rhs, { buffer = buf, nowait = true, desc = "Pi: " .. desc })
  end
  local function jump(direction)
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
  map("]]", function()
    jump(1)
  end, "next turn")
  map("[[", function()
    jump(-1)
  end, "previous turn")
  for _, key in ipairs({ "i", "a", "o" }) do
    map(key, function()
      M.focus(it, true)
    end, "write a prompt")
  end
  map("<C-c>", function()
    it:stop()
  end, "stop")
  map("q", function()
    M.close(it)
  end, "close the chat")
  map("g?", function()
    vim.cmd.help("pi-chat-keys")
  end, "all keys")
end

local function prepare_history(it)
  local buf = it.transcript.buf
  if not vim.b[buf].pi_root then
    vim.b[buf].pi_root = it.root
    map_history(it, buf)
  end
  return buf
end

--- Opens the chat, or does nothing if it is open. The cursor stays where it is.
---@param it pi.Session
function M.open(it)
  local history = window_of(prepare_history(it))
  local here = vim.api.nvim_get_current_win()
  local stay = config.get().chat.layout == "tab" or config.get().chat.layout == "current"
  if not history then
    history = open_history(it.transcript.buf)
    decorate_history(history)
    vim.api.nvim_win_set_cursor(history, { vim.api.nvim_buf_line_count(it.transcript.buf), 0 })
  end
  local buf = prompt.buffer(it)
  if not window_of(buf) then
    decorate_prompt(open_prompt(buf, history))
  end
  if not stay and vim.api.nvim_win_is_valid(here) then
    vim.api.nvim_set_current_win(here)
  end
end

--- Opens the chat and goes to its prompt.
---@param it pi.Session
---@param insert? boolean begin to write
function M.focus(it, insert)
  M.open(it)
  local win = window_of(prompt.buffer(it))
  if win then
    vim.api.nvim_set_current_win(win)
    if insert then
      vim.cmd.startinsert({ bang = true })
    end
  end
end

--- Closes the windows of the chat in this tab page. The session goes on.
---@param it pi.Session
function M.close(it)
  for _, buf in ipairs({ prompt.buffer(it), it.transcript.buf }) do
    local win = window_of(buf)
    if win then
      if #vim.api.nvim_tabpage_list_wins(0) == 1 then
        -- The last window cannot be closed: show something else in it.
        vim.wo[win].winfixbuf = false
        vim.cmd.enew()
      else
        vim.api.nvim_win_close(win, true)
      end
    end
  end
end

---@param it pi.Session
function M.toggle(it)
  if M.visible(it) then
    M.close(it)
  else
    M.focus(it, true)
  end
end

-- A new session's transcript takes the place of the old one in its windows.
table.insert(session.on_transcript, function(it, old)
  local buf = prepare_history(it)
  for _, win in ipairs(vim.fn.win_findbuf(old)) do
    if vim.fn.exists("+winfixbuf") == 1 then
      vim.api.nvim_set_option_value("winfixbuf", false, { scope = "local", win = win })
    end
    vim.api.nvim_win_set_buf(win, buf)
    decorate_history(win)
  end
end)

-- The history goes with its prompt: a prompt window alone shows nothing.
vim.api.nvim_create_autocmd("WinClosed", {
  group = augroup,
  callback = function(args)
    local buf = vim.api.nvim_win_get_buf(tonumber(args.match) --[[@as integer]])
    local root = vim.b[buf].pi_root
    local it = root and session.all[root]
    if it and buf == it.transcript.buf then
      vim.schedule(function()
        local win = window_of(prompt.buffer(it))
        if win and not M.visible(it) and #vim.api.nvim_tabpage_list_wins(0) > 1 then
          vim.api.nvim_win_close(win, true)
        end
      end)
    end
  end,
})

return M
