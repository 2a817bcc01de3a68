--- What the events of a session mean: the state it is in, what goes into its transcript, and what is announced to the
--- user's autocommands. The shapes of the events are declared in `protocol/generated/pi.lua`.
local describe = require("pi.describe")
local event = require("pi.event")
local permission = require("pi.permission")
local M = {}

---@class pi.Run
---@field started integer
---@field steps integer
---@field tokens integer
---@field cost number
---@field failed? pi.Failure what went wrong in the last answer
---@field stopped? boolean

local function begin_run(session)
  if session.run then
    return
  end
  session.run = { started = vim.uv.now(), steps = 0, tokens = 0, cost = 0 }
  event.emit("PiRunStart", { session = session.id })
end

--- The end of a run: nothing further happens by itself.
---@param session pi.Session
function M.end_run(session)
  local run = session.run
  if not run then
    return
  end
  session.run = nil
  permission.forget(session)
  local seconds = (vim.uv.now() - run.started) / 1000
  local parts = {}
  if run.stopped then
    parts[1] = "Stopped by you after " .. describe.clock(seconds)
  else
    parts[1] = ("%d s"):format(math.floor(seconds + 0.5))
  end
  parts[#parts + 1] = ("%d step%s"):format(run.steps, run.steps == 1 and "" or "s")
  if run.tokens > 0 then
    parts[#parts + 1] = describe.tokens(run.tokens) .. " tokens"
  end
  if run.cost > 0 then
    parts[#parts + 1] = ("$%.2f"):format(run.cost)
  end
  -- Only now: a call that failed may have been repeated.
  if run.failed then
    session.transcript:failure(run.failed)
    event.emit("PiError", { message = run.failed.headline, session = session.id })
  end
  session.transcript:rule(table.concat(parts, " · "))
  event.emit("PiRunEnd", {
    session = session.id,
    outcome = run.failed and "failed" or run.stopped and "stopped" or "done",
    seconds = seconds,
    message = run.failed and run.failed.headline,
  })
end

local on = {} ---@type table<string, fun(session: pi.Session, event: pi.AgentEvent)>

--- Takes in the next event.
---@param session pi.Session
---@param it pi.AgentEvent
function M.handle(session, it)
  local react = on[it.type]
  if react then
    react(session, it)
  end
end

function on.agent_start(session)
  begin_run(session)
end

function on.turn_start(session)
  if session.run then
    session.run.steps = session.run.steps + 1
  end
end

function on.agent_settled(session)
  M.end_run(session)
end

--- The prompt as the user typed it, if it was typed here: the server puts what it is about behind it.
local function take_sent(session, text)
  for index, note in ipairs(session.sent) do
    if text == note.text or vim.startswith(text, note.text .. "\n") then
      table.remove(session.sent, index)
      return note
    end
  end
  return { text = text, chips = {} }
end

---@param it pi.AgentEvent.message_start
function on.message_start(session, it)
  local message = it.message
  if message.role == "user" then
    local note = take_sent(session, describe.text(message.content))
    session.transcript:user(note.text, {
      time = os.date("%H:%M") --[[@as string]],
      chips = note.chips,
      steered = table.remove(session.delivered, 1) == "steer" and session.run and session.run.steps or nil,
    })
  end
end

---@param it pi.AgentEvent.message_update
function on.message_update(session, it)
  local update = it.assistantMessageEvent
  local kind = update.type
  require("pi.inplace").take(session, update)
  if kind == "text_delta" then
    session.transcript:stream("text", update.delta)
  elseif kind == "thinking_delta" then
    session.transcript:stream("thinking", update.delta)
  elseif kind == "text_end" or kind == "thinking_end" then
    session.transcript:end_stream()
  end
end

---@param it pi.AgentEvent.message_end
function on.message_end(session, it)
  local message = it.message
  if message.role ~= "assistant" then
    return
  end
  local usage, run = message.usage or {}, session.run
  local cost = type(usage.cost) == "table" and usage.cost.total or 0
  session.status.cost = session.status.cost + cost
  session.status.context = usage.totalTokens
  if run then
    run.tokens, run.cost = run.tokens + (usage.output or 0) + (usage.input or 0), run.cost + cost
    run.stopped = message.stopReason == "aborted"
    run.failed = describe.failure(message)
  end
  session:changed()
end

---@param it pi.AgentEvent.tool_execution_start
function on.tool_execution_start(session, it)
  session.transcript:tool_start(it.toolCallId, it.toolName, it.args)
  event.emit("PiToolStart", { session = session.id, id = it.toolCallId, tool = it.toolName, args = it.args })
end

---@param it pi.AgentEvent.tool_execution_update
function on.tool_execution_update(session, it)
  session.transcript:tool_update(it.toolCallId, it.partialResult)
end

---@param it pi.AgentEvent.tool_execution_end
function on.tool_execution_end(session, it)
  session.transcript:tool_end(it.toolCallId, it.result, it.isError)
  event.emit("PiToolEnd", { session = session.id, id = it.toolCallId, tool = it.toolName, failed = it.isError })
end

---@param it pi.AgentEvent.permission_request
function on.permission_request(session, it)
  permission.opened(session, it)
end

---@param it pi.AgentEvent.permission_resolved
function on.permission_resolved(session, it)
  permission.resolved(session, it)
  permission.show_status(session)
end

---@param it pi.AgentEvent.extension_ui_resolved
function on.extension_ui_resolved(_, it)
  require("pi.ui").resolved(it.id)
end

function on.edits_changed(session)
  session.review:changed()
end

---@param it pi.AgentEvent.queue_update
function on.queue_update(session, it)
  for _, id in ipairs(it.delivered or {}) do
    local item = vim.iter(session.queue):find(function(item)
      return item.id == id
    end)
    session.delivered[#session.delivered + 1] = item and item.kind or nil
  end
  session.queue = it.items or {}
  session:changed()
end

---@param it pi.AgentEvent.auto_retry_start
function on.auto_retry_start(session, it)
  local text = ("Trying again in %d s · %d of %d"):format(
    math.ceil(it.delayMs / 1000), it.attempt, it.maxAttempts
  )
  local failed = session.run and session.run.failed
  session.transcript:notice(("%s %s"):format(failed and failed.headline or it.errorMessage .. ".", text), "PiWaiting")
end

---@param it pi.AgentEvent.compaction_end
function on.compaction_end(session, it)
  if it.errorMessage then
    session.transcript:notice(("Could not summarise: %s. The chat is unchanged."):format(it.errorMessage), "PiToolError")
  end
end

---@param it pi.AgentEvent.session_info_changed
function on.session_info_changed(session, it)
  session.name = it.name
  session:changed()
end

---@param it pi.AgentEvent.thinking_level_changed
function on.thinking_level_changed(session, it)
  session.thinking = it.level
  session.status.thinking = it.level
  session:changed()
end

---@param it pi.AgentEvent.permission_mode_changed
function on.permission_mode_changed(session, it)
  session.mode = it.mode
  session:changed()
end

---@param it pi.AgentEvent.extension_error
function on.extension_error(session, it)
  session.transcript:notice(("The extension %s failed: %s"):format(it.extensionPath, it.error), "PiToolError")
end

---@param it pi.AgentEvent.notice
function on.notice(session, it)
  session.transcript:notice(it.message, it.level == "error" and "PiToolError" or "PiWaiting")
end

return M
