--- `<Plug>(pi-operator)` and `<Plug>(pi-edit-operator)`: ask about, or change, the text of a motion.
local context = require("pi.context")
local M = {}

local verb ---@type "ask"|"edit"

--- The keys of the mapping's right-hand side.
---@param what? "ask"|"edit"
---@return string
function M.start(what)
  verb = what or "ask"
  vim.o.operatorfunc = "v:lua.require'pi.operator'.finish"
  return "g@"
end

---@param kind "line"|"char"|"block"
function M.finish(kind)
  local buf = vim.api.nvim_get_current_buf()
  local from, to = vim.api.nvim_buf_get_mark(buf, "["), vim.api.nvim_buf_get_mark(buf, "]")
  local region = kind == "char" and context.characters(buf, from, to) or context.lines(buf, from[1], to[1])
  require("pi")[verb]({ region = region })
end

return M
