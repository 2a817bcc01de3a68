--- Highlight groups. All are default links: a colour scheme or the user can set any of them.
local M = {}

M.links = {
  PiUser = "Title",
  PiAgent = "Title",
  PiThinking = "Comment",
  PiTool = "Function",
  PiToolRunning = "DiagnosticInfo",
  PiToolOk = "DiagnosticOk",
  PiToolError = "DiagnosticError",
  PiWaiting = "DiagnosticWarn",
  PiAdd = "DiffAdd",
  PiRemoved = "DiffDelete",
  PiSign = "Added",
  PiSignRemoved = "Removed",
  PiQueue = "NonText",
  PiRule = "WinSeparator",
  PiChip = "Special",
  PiCost = "Comment",
  PiKey = "SpecialKey",
}

function M.define()
  for group, link in pairs(M.links) do
    vim.api.nvim_set_hl(0, group, { link = link, default = true })
  end
end

M.define()
-- `:colorscheme` clears groups, links of plugins included.
vim.api.nvim_create_autocmd("ColorScheme", {
  group = vim.api.nvim_create_augroup("pi.highlight", {}),
  callback = M.define,
})

return M
