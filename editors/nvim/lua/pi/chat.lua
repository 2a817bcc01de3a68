--- The chat's two windows: history above, prompt below. They are ordinary windows; closing them stops nothing.
local config = require("pi.config")
local history = require("pi.history")
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

--- Where a history was read when its window closed, by buffer; nothing for one that was at its end.
local views = {} ---@type table<integer, table>
--- Size of the last chat window, as the user left it.
local last_size ---@type {width: integer, height: integer}?

local function remember_view(win)
  local buf = vim.api.nvim_win_get_buf(win)
  local at_end = vim.api.nvim_win_get_cursor(win)[1] == vim.api.nvim_buf_line_count(buf)
  views[buf] = not at_end and vim.api.nvim_win_call(win, vim.fn.winsaveview) or nil
  last_size = { width = vim.api.nvim_win_get_width(win), height = vim.api.nvim_win_get_height(win) }
end

local function restore_view(win)
  local buf = vim.api.nvim_win_get_buf(win)
  vim.api.nvim_win_set_cursor(win, { vim.api.nvim_buf_line_count(buf), 0 })
  if views[buf] then
    vim.api.nvim_win_call(win, function()
      vim.fn.winrestview(views[buf])
    end)
  end
end

--- Opens the history's window as the layout says, without entering it.
local function open_history(buf)
  local chat = config.get().chat
  local width, height = cells(chat.width, vim.o.columns), cells(chat.height, vim.o.lines)
  if last_size and chat.layout == "bottom" then
    height = last_size.height
  elseif last_size and (chat.layout == "left" or chat.layout == "right") then
    width = last_size.width
  end
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
  local height = config.get().prompt.height[1] + 1
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
    foldtext = "v:lua.require'pi.fold'.text()",
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

local function prepare_history(it)
  local buf = it.transcript.buf
  if not vim.b[buf].pi_root then
    vim.b[buf].pi_root = it.root
    history.map_keys(it, buf)
  end
  return buf
end

--- Opens the chat, or does nothing if it is open. The cursor stays where it is.
---@param it pi.Session
function M.open(it)
  local win = window_of(prepare_history(it))
  local here = vim.api.nvim_get_current_win()
  local stay = config.get().chat.layout == "tab" or config.get().chat.layout == "current"
  if not win then
    win = open_history(it.transcript.buf)
    decorate_history(win)
    restore_view(win)
  end
  local buf = prompt.buffer(it)
  if not window_of(buf) then
    decorate_prompt(open_prompt(buf, win))
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
      remember_view(tonumber(args.match) --[[@as integer]])
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
