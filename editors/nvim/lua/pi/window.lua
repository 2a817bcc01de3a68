--- Finds a window for a file, so that neither the chat nor a list is covered by it.
local M = {}

local function takes_files(win)
  local buf = vim.api.nvim_win_get_buf(win)
  return vim.api.nvim_win_get_config(win).relative == ""
    and not vim.wo[win].previewwindow
    and (vim.fn.exists("+winfixbuf") == 0 or not vim.wo[win].winfixbuf)
    and (vim.bo[buf].buftype == "" or vim.startswith(vim.api.nvim_buf_get_name(buf), "pi-base://"))
end

--- The current window if it takes files, else the last one, another one of the tab page, or a new one.
---@return integer win
function M.for_files()
  local candidates = { vim.api.nvim_get_current_win(), vim.fn.win_getid(vim.fn.winnr("#")) }
  vim.list_extend(candidates, vim.api.nvim_tabpage_list_wins(0))
  for _, win in ipairs(candidates) do
    if win ~= 0 and takes_files(win) then
      return win
    end
  end
  return vim.api.nvim_open_win(vim.api.nvim_create_buf(true, false), false, { split = "left", win = -1 })
end

--- The file the user is in, or was in before a window of another kind.
---@return integer? buf
---@return integer? win
function M.last_file()
  local candidates = { vim.api.nvim_get_current_win(), vim.fn.win_getid(vim.fn.winnr("#")) }
  vim.list_extend(candidates, vim.api.nvim_tabpage_list_wins(0))
  for _, win in ipairs(candidates) do
    local buf = win ~= 0 and vim.api.nvim_win_get_buf(win)
    if buf and vim.bo[buf].buftype == "" and vim.api.nvim_buf_get_name(buf) ~= "" then
      return buf, win
    end
  end
end

--- Goes to a file, in a window for files. A modified buffer in its way is only hidden.
---@param name string absolute
---@return integer win
function M.go_to(name)
  local win = M.for_files()
  vim.api.nvim_set_current_win(win)
  if vim.api.nvim_buf_get_name(0) ~= name then
    vim.cmd("normal! m'")
    local buf = vim.fn.bufadd(name)
    vim.bo[buf].buflisted = true
    vim.api.nvim_win_set_buf(win, buf)
  end
  return win
end

return M
