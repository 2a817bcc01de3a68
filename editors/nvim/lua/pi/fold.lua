--- Manual folds of the chat's history: made once for each finished block, and again in each window that shows it.
local M = {}

local function call(win, command)
  vim.api.nvim_win_call(win, function()
    if vim.wo.foldmethod == "manual" then
      vim.cmd(command)
    end
  end)
end

--- Folds lines, from 1.
---@param win integer
---@param first integer
---@param last integer
function M.lines(win, first, last)
  call(win, ("silent! %d,%dfold"):format(first, last))
end

--- Takes all folds away.
---@param win integer
function M.clear(win)
  call(win, "silent! normal! zE")
end

--- The head line, or what the calls behind it come to, and how much is behind it, for 'foldtext'. The mark at its right
--- end shows by itself.
function M.text()
  local first, last = vim.v.foldstart, vim.v.foldend
  local it = require("pi.session").all[vim.b.pi_root]
  local line = it and it.transcript:joined(first, last)
    or vim.api.nvim_buf_get_lines(0, first - 1, first, false)[1]
    or ""
  return { { line, "PiTool" }, { ("  %d line%s"):format(last - first, last - first == 1 and "" or "s"), "PiCost" } }
end

return M
