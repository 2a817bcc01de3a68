--- Tools that wait for the user's permission: what is open, the window with the whole question, and the answers.
---
--- A question opens by itself only in front of the chat, in normal mode and when no key was typed for a moment, so that
--- no key meant for something else answers it. Closing its window decides nothing; `:Pi allow` opens it again.
local config = require("pi.config")
local describe = require("pi.describe")
local event = require("pi.event")
local status = require("pi.status")
local M = {}

--- Columns of a message around what it is about; a longer message would wait for a key.
local AROUND = 31
--- Silence of the keyboard before a question opens by itself, in milliseconds.
local SILENCE = 400

local key_watch = vim.api.nvim_create_namespace("pi.keys")

local keys = {
  allow_once = "a",
  allow_session = "c",
  allow_project = "p",
  reject = "r",
  reject_message = "R",
  reject_stop = "X",
}

---@class pi.QuestionView
---@field id string of the question
---@field win integer
local view ---@type pi.QuestionView?

--- What it is about: the command, or what is done to which file.
---@param question pi.PermissionRequest
local function subject(question)
  return question.command or question.parts[1] and question.parts[1].text or question.tool
end

---@param session pi.Session
---@param id string
---@return integer?
local function position(session, id)
  for index, question in ipairs(session.questions) do
    if question.id == id then
      return index
    end
  end
end

local function close_view()
  local old = view
  view = nil
  if old and vim.api.nvim_win_is_valid(old.win) then
    vim.api.nvim_win_close(old.win, true)
  end
end

--- Shows that Pi waits, if it does.
---@param session pi.Session
function M.show_status(session)
  status.await(session.status, session.questions[1] ~= nil or require("pi.ui").is_open(session))
  session:changed()
end

--- Whether a window may open in front of the user.
local function may_open(session)
  local popup = config.get().permission.popup
  if vim.api.nvim_get_mode().mode ~= "n" or view then
    return false
  end
  return popup == "always" or popup == "chat" and vim.b.pi_root == session.root
end

local silence ---@type uv.uv_timer_t?

--- Opens what is asked when no key has been typed for a moment and the user looks at the chat.
---@param session pi.Session
function M.open_in_silence(session)
  if config.get().permission.popup == "never" then
    return
  end
  local since = vim.uv.now()
  silence = silence or assert(vim.uv.new_timer())
  local timer = silence
  local done = vim.schedule_wrap(function()
    if silence ~= timer or vim.uv.now() - since < SILENCE then
      return
    end
    vim.on_key(nil, key_watch)
    silence = nil
    timer:close()
    local ui = require("pi.ui")
    if (session.questions[1] or ui.waits(session)) and may_open(session) then
      ui.answer(session)
    end
  end)
  vim.on_key(function()
    since = vim.uv.now()
    timer:start(SILENCE, 0, done)
  end, key_watch)
  timer:start(SILENCE, 0, done)
end

--- Whether a question may yet open by itself.
---@return boolean
function M.watching()
  return silence ~= nil
end

--- A question has been asked.
---@param session pi.Session
---@param question pi.PermissionRequest
function M.opened(session, question)
  if position(session, question.id) then
    return
  end
  table.insert(session.questions, question)
  session.transcript:notice(question.text .. "\n\n:Pi allow", "PiWaiting")
  M.show_status(session)
  local about = describe.arguments({ command = subject(question) }, session.root)
  local room = vim.o.columns - AROUND
  if vim.fn.strdisplaywidth(about) > room then
    about = vim.fn.strcharpart(about, 0, math.max(1, room - 1)) .. "…"
  end
  vim.notify(("Pi asks: %s · :Pi allow"):format(about), vim.log.levels.INFO, { title = "Pi" })
  event.emit("PiPermission", { session = session.id, question = question })
  M.open_in_silence(session)
end

--- A question is closed: answered, here or elsewhere, or its run has ended.
---@param session pi.Session
---@param it pi.AgentEvent.permission_resolved
function M.resolved(session, it)
  local index = position(session, it.id)
  if not index then
    return
  end
  local question = table.remove(session.questions, index)
  if view and view.id == it.id then
    close_view()
  end
  -- A rejection is in the result of the tool.
  for _, choice in ipairs(it.decision == "allowed" and question.choices or {}) do
    if choice.id == it.choice then
      session.transcript:notice(choice.label, "PiWaiting")
    end
  end
end

--- Forgets the questions of a run that is over or of a session that was left.
---@param session pi.Session
function M.forget(session)
  if view and position(session, view.id) then
    close_view()
  end
  session.questions = {}
  M.show_status(session)
end

---@param session pi.Session
---@param question pi.PermissionRequest
---@param choice pi.PermissionChoice
---@param message? string
local function answer(session, question, choice, message)
  session:request("pi/answerPermission", { questionId = question.id, choice = choice, message = message })
end

--- Answers as chosen; asks for the words if the choice takes some. No words decide nothing.
local function choose(session, question, choice)
  if choice ~= "reject_message" then
    return answer(session, question, choice)
  end
  vim.ui.input({ prompt = "Reject, and tell Pi: " }, function(text)
    text = vim.trim(text or "")
    if text ~= "" then
      answer(session, question, choice, text)
    end
  end)
end

--- The lines of a question, and the choices by line.
---@param question pi.PermissionRequest
---@return string[] lines
---@return table<integer, pi.PermissionChoice> choices
local function content(question)
  local text = question.text
  if question.diff then
    text = text .. "\n\n" .. question.diff
  end
  local lines, choices = vim.split(vim.trim(text), "\n"), {}
  lines[#lines + 1] = ""
  for _, choice in ipairs(question.choices) do
    lines[#lines + 1] = ("  %s  %s"):format(keys[choice.id], (choice.label:gsub("%s*\n%s*", " ")))
    choices[#lines] = choice.id
  end
  return lines, choices
end

--- Screen lines that wrapped text takes.
local function height_of(lines, width)
  local height = 0
  for _, line in ipairs(lines) do
    height = height + math.max(1, math.ceil(vim.fn.strdisplaywidth(line) / width))
  end
  return height
end

local function map_keys(session, question, buf, choices)
  local function map(key, run, desc)
    vim.keymap.set("n", key, run, { buffer = buf, nowait = true, desc = "Pi: " .. desc })
  end
  for _, choice in ipairs(question.choices) do
    map(keys[choice.id], function()
      choose(session, question, choice.id)
    end, choice.label)
  end
  map("<CR>", function()
    local choice = choices[vim.api.nvim_win_get_cursor(0)[1]]
    if choice then
      choose(session, question, choice)
    end
  end, "the answer on this line")
  for _, key in ipairs({ "q", "<Esc>" }) do
    map(key, close_view, "not now")
  end
end

--- Opens the window of the oldest question.
---@param session pi.Session
function M.open(session)
  local question = session.questions[1]
  if not question then
    return vim.notify("Pi asks nothing.", vim.log.levels.INFO, { title = "Pi" })
  end
  close_view()
  local lines, choices = content(question)
  local buf = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, lines)
  vim.bo[buf].modifiable = false
  vim.bo[buf].bufhidden = "wipe"
  vim.bo[buf].filetype = "pi-question"
  vim.b[buf].pi_root = session.root
  map_keys(session, question, buf, choices)
  local width = math.max(20, math.min(100, vim.o.columns - 6))
  local height = math.min(height_of(lines, width), math.max(3, vim.o.lines - 6))
  local win = vim.api.nvim_open_win(buf, true, {
    relative = "editor",
    width = width,
    height = height,
    row = math.floor((vim.o.lines - height) / 2) - 1,
    col = math.floor((vim.o.columns - width) / 2),
    style = "minimal",
    border = "rounded",
    title = (" Waiting for your answer · %s "):format(question.tool),
    footer = " a key or <CR> answers · q not now ",
  })
  vim.wo[win].wrap = true
  view = { id = question.id, win = win }
  vim.api.nvim_create_autocmd("WinLeave", {
    buffer = buf,
    once = true,
    callback = vim.schedule_wrap(function()
      if view and view.win == win then
        close_view()
      end
    end),
  })
end

local scopes = { once = "allow_once", chat = "allow_session", always = "allow_project" }

--- Allows the call whose question is on the screen. One that is not is shown instead.
---@param session pi.Session
---@param scope? "once"|"chat"|"always"
function M.allow(session, scope)
  local question = session.questions[1]
  if not question or not view or view.id ~= question.id then
    return M.open(session)
  end
  local choice = scopes[scope or "once"]
  local offered = vim.iter(question.choices):any(function(it)
    return it.id == choice
  end)
  if not offered then
    return vim.notify("This can only be allowed once.", vim.log.levels.INFO, { title = "Pi" })
  end
  answer(session, question, choice)
end

--- Rejects the oldest question's call; with words, the model is told them.
---@param session pi.Session
---@param why? string
function M.reject(session, why)
  local question = session.questions[1]
  if not question then
    return vim.notify("Pi asks nothing.", vim.log.levels.INFO, { title = "Pi" })
  end
  if why and why ~= "" then
    return answer(session, question, "reject_message", why)
  end
  answer(session, question, "reject")
end

return M
