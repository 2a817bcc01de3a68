--- One session of one workspace folder: what is known of it, its server, and the requests that change it.
--- It owns the transcript and the status; windows are elsewhere.
local client = require("pi.client")
local event = require("pi.event")
local permission = require("pi.permission")
local review = require("pi.review")
local run = require("pi.run")
local status = require("pi.status")
local transcript = require("pi.transcript")
local M = {}

--- How often a server that dies is started again, and the time in which that counts, in milliseconds.
local RESTARTS, RESTART_WINDOW = 3, 60000

---@class pi.Session
---@field root string
---@field client? vim.lsp.Client
---@field phase "off"|"starting"|"ready"
---@field id? string
---@field private beside? string id of the session that is shown beside the folder's own
---@field file? string
---@field name? string
---@field model? pi.Model
---@field thinking? string
---@field mode? pi.PermissionMode
---@field models pi.Model[] for completion
---@field levels string[] for completion
---@field status pi.Status
---@field transcript pi.Transcript
---@field queue pi.QueueItem[] messages that wait
---@field delivered string[] kinds of the messages that are delivered now, in order
---@field added pi.Part[] what goes with the next prompt
---@field commands pi.SlashCommand[] templates and skills, for completion
---@field private waiting fun(problem?: string)[] callbacks for when the server is ready
---@field sent {text: string, chips: string[]}[] prompts on their way, to show them as typed
---@field private crashes integer[]
---@field run? pi.Run the run in progress
---@field private planned? fun() what follows when the server ends because it was asked to
---@field activities table<string, pi.Activity> what the sessions of its server do
---@field review pi.Review what waits for the user's decision
---@field questions pi.PermissionRequest[] tools that wait for permission, oldest first
local Session = {}
Session.__index = Session

M.all = {} ---@type table<string, pi.Session>

--- Called with each session whose look changed: its status, queue, model or name.
M.on_change = {} ---@type fun(session: pi.Session)[]
--- Called with a session that has got a new transcript.
M.on_transcript = {} ---@type fun(session: pi.Session, old?: integer)[]

---@param root string
---@return pi.Session
function M.get(root)
  local self = M.all[root]
  if not self then
    self = setmetatable({
      root = root,
      phase = "off",
      models = {},
      levels = {},
      status = status.new(),
      transcript = transcript.new(root),
      queue = {},
      delivered = {},
      added = {},
      commands = {},
      waiting = {},
      sent = {},
      crashes = {},
      activities = {},
      questions = {},
    }, Session)
    self.review = review.new(self)
    M.all[root] = self
  end
  return self
end

--- Something of its look is different.
function Session:changed()
  self.status.queued = #self.queue
  for _, callback in ipairs(M.on_change) do
    callback(self)
  end
end

--- Changes its state to what only this end can know.
---@param state "off"|"starting"|"idle"|"lost"
function Session:set(state)
  status.set(self.status, state)
  self:changed()
end

--- What a session of its server does now.
---@private
---@param told pi.ActivityParams
function Session:does(told)
  self.activities[told.sessionId] = told.activity
  -- What is said before its name is known is shown with it.
  if told.sessionId == self.id then
    status.take(self.status, told.activity)
    self:changed()
  end
end

---@return boolean
function Session:busy()
  return status.busy(self.status)
end

-- Starting and ending -------------------------------------------------------------------------------------------

--- Runs `callback` when the server answers, starting it if need be; with a problem if it cannot.
---@param callback fun(problem?: string)
function Session:when_ready(callback)
  if self.phase == "ready" then
    return callback()
  end
  self.waiting[#self.waiting + 1] = callback
  if self.phase == "off" then
    self:start()
  end
end

---@private
function Session:settle_start(problem)
  local waiting = self.waiting
  self.waiting = {}
  for _, callback in ipairs(waiting) do
    callback(problem)
  end
end

---@private
---@param resume? string file of the session to go on with
function Session:start(resume)
  self.phase = "starting"
  self:set("starting")
  client.start(self.root, {
    event = function(envelope)
      self:handle(envelope)
    end,
    activity = function(told)
      self:does(told)
    end,
    ask = function(region)
      require("pi").ask({ region = region })
    end,
    failed = function(message)
      self.phase, self.client = "off", nil
      self:set("off")
      event.emit("PiError", { message = message })
      vim.notify(message, vim.log.levels.ERROR, { title = "Pi" })
      self:settle_start(message)
    end,
    exited = function(code, signal)
      self:exited(code, signal)
    end,
    ready = function(lsp_client)
      self.client = lsp_client
      self.phase = "ready"
      self:set("idle")
      local function done()
        self:refresh(function()
          self:settle_start()
          self.review:changed()
        end)
      end
      if resume then
        self:request("pi/switchSession", { sessionPath = resume }, done)
      else
        done()
      end
    end,
  })
end

--- The server has ended although nobody asked it to.
---@private
function Session:exited(code, signal)
  self.client, self.phase, self.activities, self.beside = nil, "off", {}, nil
  run.end_run(self)
  require("pi.ui").forget(self)
  local planned = self.planned
  if planned then
    self.planned = nil
    self:set("off")
    return planned()
  end
  local now = vim.uv.now()
  self.crashes = vim.tbl_filter(function(time)
    return now - time < RESTART_WINDOW
  end, self.crashes)
  self.crashes[#self.crashes + 1] = now
  local how = signal ~= 0 and ("signal %d"):format(signal) or ("exit code %d"):format(code)
  local message
  if #self.crashes > RESTARTS then
    message = ("Pi stops right after starting (%s). :Pi log shows why, :Pi restart tries again."):format(how)
    self:set("lost")
  else
    message = ("Pi stopped unexpectedly (%s). Restarting… %d of %d"):format(how, #self.crashes, RESTARTS)
    self:start(self.file)
  end
  self.transcript:notice(message, "PiToolError")
  event.emit("PiError", { message = message })
  vim.notify(message, vim.log.levels.WARN, { title = "Pi" })
end

--- Ends the server and, when it is gone, starts it again with the same session and a newly read configuration.
function Session:restart()
  require("pi.config").reset()
  self.crashes = {}
  if self.phase == "starting" then
    return
  end
  if not self.client then
    return self:start(self.file)
  end
  local file = self.file
  self.planned = function()
    self:start(file)
  end
  require("pi.compat").lsp_stop(self.client)
end

--- Requests that put another session into the place of the folder's own.
local replacing = { ["pi/newSession"] = true, ["pi/switchSession"] = true }

--- A request of this session, with errors shown unless the caller takes them.
---@param method string
---@param params? table
---@param callback? fun(err?: string, result?: any)
function Session:request(method, params, callback)
  local function answer(err, result)
    if callback then
      callback(err, result)
    elseif err then
      self:report(err)
    end
  end
  if not self.client then
    return answer("Pi is not running. :Pi restart starts it again.")
  end
  if replacing[method] then
    self.beside = nil
  elseif self.beside and vim.startswith(method, "pi/") then
    params = vim.tbl_extend("keep", params or {}, { sessionId = self.beside })
  end
  client.request(self.client, method, params, answer)
end

--- Shows a session beside the folder's own, until another one takes its place.
---@param id string
---@param callback fun()
function Session:show(id, callback)
  self.beside = id
  self:refresh(callback)
end

--- An error that belongs to no run.
---@param message string
function Session:report(message)
  event.emit("PiError", { message = message })
  vim.notify(message, vim.log.levels.ERROR, { title = "Pi" })
end

--- Reads the session's state from the server.
---@private
function Session:refresh(callback)
  self:request("pi/getState", nil, function(err, state)
    if err or type(state) ~= "table" then
      return callback(err)
    end
    local switched = self.id and self.id ~= state.sessionId
    if switched then
      permission.forget(self)
      self.queue, self.delivered = {}, {}
      self:fresh_transcript()
    end
    local known = self.id == state.sessionId
    self.id, self.file, self.name = state.sessionId, state.sessionFile, state.sessionName
    self.model, self.thinking, self.mode = state.model, state.thinkingLevel, state.permissionMode
    self.status.model = self.model and self.model.id
    self.status.thinking = self.thinking
    if not known then
      status.take(self.status, self.activities[self.id] or { state = "idle", since = 0 })
    end
    self.transcript:name(self.id)
    self:changed()
    if not known then
      event.emit("PiSession", { session = self.id, name = self.name, root = self.root })
    end
    if not known and (state.messageCount or 0) == 0 then
      self:welcome()
    elseif not known then
      self:request("pi/getMessages", nil, function(problem, result)
        if not problem then
          require("pi.replay").messages(self.transcript, result.messages)
        end
      end)
    end
    self:request("pi/getAvailableModels", nil, function(problem, result)
      self.models = not problem and result.models or {}
    end)
    self:request("pi/getAvailableThinkingLevels", nil, function(problem, result)
      self.levels = not problem and result.levels or {}
    end)
    self:request("pi/getCommands", nil, function(problem, result)
      self.commands = not problem and result.commands or {}
    end)
    callback()
  end)
end

--- Without a model: the ways to a first answer. With one that was found on this machine: that it was.
---@private
function Session:welcome()
  if not self.model then
    self.transcript:notice(table.concat({
      "Pi is ready to try.",
      "  :Pi demo   a demo: no key, 20 seconds, a scripted model",
      "  :Pi setup  a local model: no local server answers yet",
      "  :Pi setup  a key: none in the environment",
      "Both are picked up by themselves: :Pi restart looks again.",
    }, "\n"), "PiCost")
  elseif self.model["local"] then
    self.transcript:notice("Found on this machine · :Pi model changes it", "PiCost")
  end
end

---@private
function Session:fresh_transcript()
  local old = self.transcript
  self.transcript = transcript.new(self.root)
  for _, callback in ipairs(M.on_transcript) do
    callback(self, old.buf)
  end
  old:delete()
end

-- What the user does --------------------------------------------------------------------------------------------

---@class pi.Message
---@field text string
---@field parts? pi.Part[] what it is about
---@field queue? boolean deliver after the run instead of into it

--- Sends a message: a prompt, or while Pi works a steer or a queued message. The server decides which it is, so that
--- a message typed at the end of a run is never lost.
---@param message pi.Message
---@param callback? fun(problem?: string)
function Session:send(message, callback)
  callback = callback or function() end
  self:when_ready(function(problem)
    if problem then
      return callback(problem)
    end
    local params = { message = message.text, streamingBehavior = message.queue and "followUp" or "steer" }
    local chips, context = {}, require("pi.context")
    for _, part in ipairs(message.parts or {}) do
      params.context = params.context or {}
      table.insert(params.context, context.item(part, self.client.offset_encoding))
      chips[#chips + 1] = context.chip(part)
    end
    local note = { text = message.text, chips = chips }
    self.sent[#self.sent + 1] = note
    self:request("pi/prompt", params, function(err, result)
      if err then
        self.sent = vim.tbl_filter(function(item)
          return item ~= note
        end, self.sent)
        self:report(err)
      elseif not self.id and type(result) == "table" then
        self.id = result.sessionId
        status.take(self.status, self.activities[self.id] or { state = "idle", since = 0 })
      end
      callback(err)
    end)
  end)
end

--- What was added for the next prompt; it is on its way then.
---@return pi.Part[]
function Session:take_added()
  local parts = self.added
  self.added = {}
  if #parts > 0 then
    self:changed()
  end
  return parts
end

--- Stops the run.
---@param callback? fun()
function Session:stop(callback)
  callback = callback or function() end
  if not self.client or not self:busy() then
    return callback()
  end
  self:request("pi/abort", nil, function(err)
    if err then
      self:report(err)
    end
    callback()
  end)
end

--- Starts a new session.
function Session:new_session()
  self:when_ready(function(problem)
    if problem then
      return
    end
    self:request("pi/newSession", nil, function(err, result)
      if err then
        return self:report(err)
      end
      if not (result and result.cancelled) then
        self:refresh(function() end)
      end
    end)
  end)
end

--- Makes a request that changes what the status shows.
---@param method string
---@param params table
function Session:request_change(method, params)
  self:request(method, params, function(err)
    if err then
      return self:report(err)
    end
    self:refresh(function() end)
  end)
end

---@param model pi.Model
function Session:set_model(model)
  self:request_change("pi/setModel", { provider = model.provider, modelId = model.id })
end

---@param level string
function Session:set_thinking(level)
  self:request_change("pi/setThinkingLevel", { level = level })
end

--- Shows the session's messages anew, after its branch has become another one.
---@param callback? fun()
function Session:reload(callback)
  self:fresh_transcript()
  self.id = nil
  self:refresh(callback or function() end)
end

---@private
---@param envelope pi.Envelope
function Session:handle(envelope)
  if not self.id or envelope.sessionId == self.id then
    event.emit("PiEvent", envelope)
    run.handle(self, envelope.event)
  end
end

return M
