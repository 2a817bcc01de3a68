--- What a session is doing: one value that the statusline, the run strip and autocommands share. The server says it, with
--- the text; what it cannot know (that it starts, or has ended) is said here.
local describe = require("pi.describe")
local event = require("pi.event")
local icon = require("pi.icon")
local M = {}

---@alias pi.State pi.ActivityState
---| "off" not started
---| "starting"
---| "lost" the server ended

---@class pi.Status
---@field state pi.State
---@field since integer milliseconds of `vim.uv.now()`
---@field text string what the run strip says, without the clock
---@field later? pi.Later what that becomes if nothing happens
---@field icon string
---@field model? string
---@field thinking? string
---@field context? number tokens in the context after the last answer
---@field cost number US dollars of the session
---@field queued integer messages that wait
---@field hunks integer changes that wait for the user
---@field waiting boolean whether Pi waits for the user

local texts = { off = "", idle = "", starting = "Starting Pi…", lost = "Pi stopped unexpectedly" }

local resting = { off = true, starting = true, lost = true, idle = true, stopped = true, failed = true }

local WAITING = "Waiting for your answer"

---@return pi.Status
function M.new()
  return { state = "off", since = vim.uv.now(), text = "", icon = "", cost = 0, queued = 0, hunks = 0, waiting = false }
end

--- Whether a run is in progress.
---@param status pi.Status
---@return boolean
function M.busy(status)
  return not resting[status.state]
end

local function announce(status)
  local state = status.state
  status.icon = (status.waiting or state == "asking") and icon.get("asking")
    or M.busy(status) and icon.get("running")
    or state == "failed" and icon.get("failed") or ""
  event.emit("PiStatus", status)
end

--- Takes in what the server says; autocommands run only if something is different.
---@param status pi.Status
---@param activity pi.Activity
function M.take(status, activity)
  local text = activity.text or ""
  if status.state == activity.state and status.text == text then
    return
  end
  local seconds, microseconds = vim.uv.gettimeofday()
  local lasted = math.max(0, seconds * 1000 + microseconds / 1000 - activity.since)
  status.state, status.text, status.later = activity.state, text, activity.later
  status.since = vim.uv.now() - math.floor(lasted)
  announce(status)
end

--- Says what only this end can know.
---@param status pi.Status
---@param state "off"|"starting"|"idle"|"lost"
function M.set(status, state)
  if status.state ~= state then
    status.state, status.text, status.later, status.since = state, texts[state], nil, vim.uv.now()
    announce(status)
  end
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
  local lasted, later = vim.uv.now() - status.since, status.later
  local text = status.waiting and status.state ~= "asking" and WAITING
    or later and lasted >= later.after and later.text
    or status.text
  if text == "" then
    return ""
  end
  if M.busy(status) and lasted >= 2000 then
    text = text .. " " .. describe.clock(lasted / 1000)
  end
  return text
end

return M
