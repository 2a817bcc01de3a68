--- Messages that wait: shown below the prompt, and edited, moved, sent at once or discarded through a picker.
local icon = require("pi.icon")
local M = {}

--- Items that are shown one by one; more are only counted.
local MOST = 3

local function one_line(text)
  return (vim.trim(text):gsub("%s*\n%s*", " "))
end

--- Items that only the user sends, because the run they were meant for was stopped or failed.
---@param session pi.Session
---@return integer
function M.held(session)
  return #vim.tbl_filter(function(it)
    return it.held
  end, session.queue)
end

local function words(it)
  return it.held and "held" or it.kind == "steer" and "steer" or "after"
end

--- The lines below the prompt.
---@param session pi.Session
---@return {[1]: string, [2]: string}[][]
function M.lines(session)
  local items = session.queue
  if #items == 0 then
    return {}
  end
  local held = M.held(session)
  local head = held == #items and ("Held %d"):format(held) or ("Queued %d"):format(#items)
  local lines = { { { head .. " · :Pi queue list", "PiQueue" } } }
  if #items <= MOST then
    for _, it in ipairs(items) do
      lines[#lines + 1] = { { ("%s %s  %s"):format(icon.get("steer"), words(it), one_line(it.text)), "PiQueue" } }
    end
  end
  return lines
end

--- Takes the last message back.
---@param session pi.Session
---@param callback fun(text: string)
function M.take_last(session, callback)
  local last = session.queue[#session.queue]
  if not last then
    return
  end
  session:request("pi/queue/delete", { id = last.id }, function(err)
    if err then
      return session:report(err)
    end
    callback(last.text)
  end)
end

--- What can be done with a message.
local acts = {
  {
    name = "Send now",
    run = function(session, it)
      session:request("pi/queue/send", { id = it.id })
    end,
  },
  {
    name = "Edit",
    run = function(session, it)
      vim.ui.input({ prompt = "Queued: ", default = one_line(it.text) }, function(text)
        if text and vim.trim(text) ~= "" then
          session:request("pi/queue/edit", { id = it.id, text = text })
        end
      end)
    end,
  },
  {
    name = "Move up",
    run = function(session, it)
      local ids = vim.tbl_map(function(other)
        return other.id
      end, session.queue)
      for index = 2, #ids do
        if ids[index] == it.id then
          ids[index], ids[index - 1] = ids[index - 1], ids[index]
          break
        end
      end
      session:request("pi/queue/reorder", { ids = ids })
    end,
  },
  {
    name = "Discard",
    run = function(session, it)
      session:request("pi/queue/delete", { id = it.id })
    end,
  },
}

--- Lists what waits, and what can be done about it.
---@param session pi.Session
function M.list(session)
  if #session.queue == 0 then
    return vim.notify("Nothing is queued.", vim.log.levels.INFO, { title = "Pi" })
  end
  vim.ui.select(session.queue, {
    prompt = "Queued",
    format_item = function(it)
      return ("%s  %s"):format(words(it), one_line(it.text))
    end,
  }, function(it)
    if not it then
      return
    end
    vim.ui.select(acts, {
      prompt = one_line(it.text),
      format_item = function(act)
        return act.name
      end,
    }, function(act)
      if act then
        act.run(session, it)
      end
    end)
  end)
end

return M
