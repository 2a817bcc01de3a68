--- Marks of states, in the user's choice of characters.
local config = require("pi.config")
local M = {}

local sets = {
  unicode = { running = "●", ok = "✓", failed = "✗", skipped = "–", fold = "▸", steer = "↳", asking = "?", rule = "─", pi = "π", changed = "┃", removed = "▔" },
  ascii = { running = "*", ok = "+", failed = "x", skipped = "-", fold = ">", steer = "->", asking = "?", rule = "-", pi = "pi", changed = "|", removed = "-" },
}

---@param name "running"|"ok"|"failed"|"skipped"|"fold"|"steer"|"asking"|"rule"|"pi"|"changed"|"removed"
---@return string
function M.get(name)
  local wanted = config.get().icons
  if wanted == "auto" then
    wanted = vim.o.encoding == "utf-8" and "unicode" or "ascii"
  end
  return sets[wanted][name]
end

return M
