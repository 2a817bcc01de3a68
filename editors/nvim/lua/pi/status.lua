--- What a session is doing, told from its events: one value that the statusline, the run strip and autocommands share.
local describe = require("pi.describe")
local event = require("pi.event")
local icon = require("pi.icon")
local M = {}

---@alias pi.State
---| "off" not started
---| "starting"
---| "idle"
---| "waiting" for the model
---| "thinking"
---| "answering"
---| "tool"
---| "asking" for the user's permission
---| "retrying"
---| "compacting"
---| "stopping"
---| "failed" the last run
---| "lost" the server ended

---@class pi.Status
---@field state pi.State
---@field since integer milliseconds of `vim.uv.now()`
---@field text string what the run strip says, without the clock
---@field icon string
---@field model? string
---@field thinking? string
---@field context? number tokens in the context after the last answer
---@field cost number US dollars of the session
---@field queued integer messages that wait
---@field hunks integer changes that wait for the user
---@field waiting boolean whether Pi waits for the user

local texts = {
  off = "",
  idle = "",
  starting = "Starting Pi…",
  thinking = "Thinking…",
  answering = "Writing…",
  compacting = "Making room: summarising older turns…",
  stopping = "Stopping…",
  failed = "",
  lost = "Pi stopped unexpectedly",
}

local busy = {
  waiting = true,
  thinking = true,
  answering = true,
  tool = true,
  asking = true,
  retrying = true,
  compacting = true,
  stopping = true,
}

local WAITING = "Waiting for your answer"

---@return pi.Status
function M.new()
  return { state = "off", since = vim.uv.now(), text = "", icon = "", cost = 0, queued = 0, hunks = 0, waiting = false }
end

--- Whether a run is in progress.
---@param status pi.Status
---@return boolean
function M.busy(status)
  return busy[status.state] or false
end

local function announce(status)
  local state = status.state
  status.icon = (status.waiting or state == "asking") and icon.get("asking")
    or busy[state] and icon.get("running")
    or state == "failed" and icon.get("failed") or ""
  event.emit("PiStatus", status)
end

--- Changes the state; autocommands run only if something is different.
---@param status pi.Status
---@param state pi.State
---@param text? string
function M.set(status, state, text)
  text = text or texts[state] or ""
  if status.state == state and status.text == text then
    return
  end
  status.state, status.text, status.since = state, text, vim.uv.now()
  announce(status)
end

--- Whether Pi waits for the user, which does not end what it does meanwhile.
---@param status pi.Status
---@param waiting boolean
function M.await(status, waiting)
  if status.waiting ~= waiting then
    status.waiting = waiting
    announce(status)
  end
end

--- Text and, after two seconds, the time it has lasted.
---@param status pi.Status
---@return string
function M.strip(status)
  local seconds = (vim.uv.now() - status.since) / 1000
  local text = status.waiting and status.state ~= "asking" and WAITING or status.text
  if text == "" then
    return ""
  end
  if status.state == "waiting" and seconds >= 30 then
    text = text .. " connected, no answer yet"
  end
  if M.busy(status) and seconds >= 2 then
    text = text .. " " .. describe.clock(seconds)
  end
  return text
end

return M
