--- `User` autocommands, for statuslines and the user's own automation (`:help pi-events`).
local M = {}

---@alias pi.EventName
---| "PiEvent" every event of the server, raw
---| "PiStatus" the status changed
---| "PiRunStart"
---| "PiRunEnd"
---| "PiToolStart"
---| "PiToolEnd"
---| "PiPermission" a tool waits for the user's answer
---| "PiUi" something is asked or shown
---| "PiSession" another chat is shown
---| "PiHunks" which changes wait for the user is different
---| "PiError"

---@param name pi.EventName
---@param data table
function M.emit(name, data)
  vim.api.nvim_exec_autocmds("User", { pattern = name, modeline = false, data = data })
end

return M
