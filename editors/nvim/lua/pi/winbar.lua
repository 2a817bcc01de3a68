--- The bars above history and prompt: who answers, and what happens since when.
local describe = require("pi.describe")
local icon = require("pi.icon")
local session = require("pi.session")
local status = require("pi.status")
local M = {}

local clock ---@type uv.uv_timer_t?

local function current()
  local buf = vim.api.nvim_win_get_buf(vim.g.statusline_winid or 0)
  return session.all[vim.b[buf].pi_root]
end

--- Cells around what the strip says and the key behind it.
local AROUND = 6

--- Cuts text to a number of cells; the clock at its end stays.
local function fit(text, width)
  if vim.fn.strdisplaywidth(text) <= width then
    return text
  end
  local clock_text = text:match(" [%d:]+$") or ""
  local room = math.max(1, width - #clock_text - 1)
  return vim.fn.strcharpart(text, 0, room) .. "…" .. clock_text
end

local function escape(text)
  return (text:gsub("%%", "%%%%"))
end

--- Winbar of the history.
---@return string
function M.history()
  local it = current()
  if not it then
    return ""
  end
  local right = { it.model and it.model.id .. (it.model["local"] and " · local" or "") or nil }
  if it.thinking and it.thinking ~= "off" then
    right[#right + 1] = it.thinking
  end
  right[#right + 1] = it.mode
  local title = require("pi.ui").title(it) or it.name or vim.fs.basename(it.root)
  return (" %%#PiAgent#%s %s%%*%%=%%#PiCost#%s "):format(
    icon.get("pi"), escape(title), escape(table.concat(right, " · "))
  )
end

--- Winbar of the prompt.
---@return string
function M.prompt()
  local it = current()
  if not it then
    return ""
  end
  local parts = {}
  local key = it.status.state == "retrying" and ":Pi retry · :Pi give-up"
    or it:busy() and "<C-c> stop"
    or "g? keys"
  local strip = status.strip(it.status)
  if strip ~= "" then
    strip = fit(strip, vim.api.nvim_win_get_width(vim.g.statusline_winid or 0) - #key - AROUND)
    local group = it.status.state == "lost" and "PiToolError" or it.status.waiting and "PiWaiting" or "PiToolRunning"
    parts[#parts + 1] = ("%%#%s#%s %s%%*"):format(group, it.status.icon, escape(strip))
  end
  if it.status.queued > 0 then
    local held = require("pi.queue").held(it)
    local words = held == it.status.queued and ("Held %d"):format(held) or ("%d queued"):format(it.status.queued)
    parts[#parts + 1] = ("%%#PiQueue#%s %s%%*"):format(icon.get("steer"), words)
  end
  if it.status.hunks > 0 then
    parts[#parts + 1] = ("%%#PiQueue#%d to review%%*"):format(it.status.hunks)
  end
  local window = it.model and it.model.contextWindow
  if (it.status.context or 0) > 0 and window and window > 0 then
    parts[#parts + 1] = ("%%#PiCost#%s of %s%%*"):format(
      describe.tokens(it.status.context), describe.tokens(window)
    )
  end
  -- Too narrow a window loses the numbers first.
  if #parts > 0 then
    parts[1] = parts[1] .. "%<"
  end
  return (" %s%%=%%#PiKey#%s%%* "):format(table.concat(parts, "   "), key)
end

--- Draws the bars again, and once a second while something runs.
---@param it pi.Session
function M.refresh(it)
  vim.cmd.redrawstatus({ bang = true })
  if it:busy() and not clock then
    clock = assert(vim.uv.new_timer())
    clock:start(1000, 1000, vim.schedule_wrap(function()
      local running = vim.iter(vim.tbl_values(session.all)):any(function(other)
        return other:busy()
      end)
      if not running and clock then
        clock:stop()
        clock:close()
        clock = nil
      end
      vim.cmd.redrawstatus({ bang = true })
    end))
  end
end

return M
