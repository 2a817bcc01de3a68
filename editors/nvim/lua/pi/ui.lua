--- What Pi asks besides permission, and what extensions show (`pi/ui`).
---
--- A question is announced by a message and opens as one about permission does: by itself only in front of the chat, in
--- normal mode and when no key was typed for a moment, else with `:Pi answer`. Choosing nothing is no answer.
local config = require("pi.config")
local event = require("pi.event")
local permission = require("pi.permission")
local M = {}

---@class pi.UiQuestion
---@field root string folder of its session
---@field request pi.ExtensionUiRequest
---@field on_screen? boolean
---@field buf? integer where its text is written
---@field answer fun(result?: pi.ExtensionUiAnswer) nothing: no answer. Only the first counts

local open = {} ---@type pi.UiQuestion[] oldest first
---@class pi.UiShown
---@field status table<string, string>
---@field widgets table<string, string[]>
---@field title? string

local shown = {} ---@type table<string, pi.UiShown> by root

local function one_line(text)
  return (vim.trim(text or ""):gsub("%s*\n%s*", " "))
end

--- The oldest question of a session that waits.
---@param session pi.Session
---@return pi.UiQuestion?
local function first(session)
  for _, question in ipairs(open) do
    if question.root == session.root then
      return question
    end
  end
end

--- Whether a question of a session waits.
---@param session pi.Session
---@return boolean
function M.is_open(session)
  return first(session) ~= nil
end

--- A buffer to write a text in: `:w` answers, closing it does not.
local function write(question)
  local request = question.request
  vim.cmd("botright new")
  local buf = vim.api.nvim_get_current_buf()
  question.buf = buf
  vim.bo[buf].buftype = "acwrite"
  vim.bo[buf].bufhidden = "wipe"
  vim.bo[buf].swapfile = false
  vim.api.nvim_buf_set_name(buf, "pi://question/" .. request.id)
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, vim.split(request.prefill or "", "\n", { plain = true }))
  vim.bo[buf].modified = false
  vim.wo.winbar = (" %s%%=:w answers "):format((one_line(request.title):gsub("%%", "%%%%")))
  vim.api.nvim_create_autocmd("BufWriteCmd", {
    buffer = buf,
    callback = function()
      vim.bo[buf].modified = false
      question.answer({ value = table.concat(vim.api.nvim_buf_get_lines(buf, 0, -1, false), "\n") })
    end,
  })
  vim.api.nvim_create_autocmd("BufWipeout", {
    buffer = buf,
    callback = function()
      question.buf = nil
      question.answer()
    end,
  })
end

---@type table<string, fun(question: pi.UiQuestion)>
local asks = {
  select = function(question)
    local request = question.request
    vim.ui.select(request.options or {}, { prompt = one_line(request.title) }, function(item)
      question.answer(item and { value = item })
    end)
  end,
  confirm = function(question)
    local request = question.request
    local prompt = one_line((request.title or "") .. "\n" .. (request.message or ""))
    vim.ui.select({ "Yes", "No" }, { prompt = prompt }, function(item)
      question.answer(item and { confirmed = item == "Yes" })
    end)
  end,
  input = function(question)
    local request = question.request
    local hint = request.placeholder and (" (%s)"):format(one_line(request.placeholder)) or ""
    vim.ui.input({ prompt = one_line(request.title) .. hint .. ": " }, function(text)
      question.answer(text and { value = text })
    end)
  end,
  editor = write,
}

local levels = { info = vim.log.levels.INFO, warning = vim.log.levels.WARN, error = vim.log.levels.ERROR }

---@type table<string, fun(request: pi.ExtensionUiRequest, session: pi.Session)>
local shows = {
  notify = function(request)
    if config.get().notify ~= "never" or request.notifyType == "error" then
      vim.notify(request.message or "", levels[request.notifyType] or levels.info, { title = "Pi" })
    end
  end,
  setStatus = function(request, session)
    shown[session.root].status[request.statusKey or ""] = request.statusText
  end,
  setWidget = function(request, session)
    shown[session.root].widgets[request.widgetKey or ""] = request.widgetLines
  end,
  setTitle = function(request, session)
    shown[session.root].title = request.title
  end,
  set_editor_text = function(request, session)
    require("pi.prompt").insert(session, request.text or "")
  end,
}

--- Opens a question, unless it is on the screen.
local function present(question)
  if question.buf then
    return vim.api.nvim_set_current_win(vim.fn.bufwinid(question.buf))
  elseif not question.on_screen then
    question.on_screen = true
    asks[question.request.method](question)
  end
end

--- Opens the question that waits, one about permission first.
---@param session pi.Session
function M.answer(session)
  local question = first(session)
  if session.questions[1] or not question then
    return permission.open(session)
  end
  present(question)
end

--- Whether a question waits that could open.
---@param session pi.Session
---@return boolean
function M.waits(session)
  local question = first(session)
  return question ~= nil and not question.on_screen
end

--- What stands below the prompt: the texts of extensions.
---@param session pi.Session
---@return {[1]: string, [2]: string}[][]
function M.lines(session)
  local it, lines = shown[session.root], {}
  if not it then
    return lines
  end
  for _, key in ipairs(vim.fn.sort(vim.tbl_keys(it.widgets))) do
    for _, line in ipairs(it.widgets[key]) do
      lines[#lines + 1] = { { line, "PiQueue" } }
    end
  end
  local texts = vim.tbl_map(function(key)
    return one_line(it.status[key])
  end, vim.fn.sort(vim.tbl_keys(it.status)))
  if #texts > 0 then
    lines[#lines + 1] = { { table.concat(texts, " · "), "PiCost" } }
  end
  return lines
end

--- The title that an extension gave the chat. The editor's own title is the user's.
---@param session pi.Session
---@return string?
function M.title(session)
  local it = shown[session.root]
  return it and it.title and it.title ~= "" and one_line(it.title) or nil
end

--- A question is over, answered here or elsewhere.
---@param id string
function M.resolved(id)
  for _, question in ipairs(open) do
    if question.request.id == id then
      return question.answer()
    end
  end
end

--- The server of a folder has ended.
---@param session pi.Session
function M.forget(session)
  shown[session.root] = nil
  for _, question in ipairs(vim.list_extend({}, open)) do
    if question.root == session.root then
      question.answer()
    end
  end
end

local function session_of(client_id)
  for _, session in pairs(require("pi.session").all) do
    if session.client and session.client.id == client_id then
      return session
    end
  end
end

--- Puts a question among those that wait; it is answered once.
---@param session pi.Session
---@param request pi.ExtensionUiRequest
---@param answered fun(result: pi.ExtensionUiAnswer)
local function ask(session, request, answered)
  local question = { root = session.root, request = request }
  function question.answer(result)
    for index, other in ipairs(open) do
      if other.request.id == request.id then
        table.remove(open, index)
        permission.show_status(session)
        answered(result or { cancelled = true })
        if question.buf then
          -- Not from within the write or the wipe that answered.
          local buf = question.buf
          question.buf = nil
          vim.schedule(function()
            if vim.api.nvim_buf_is_valid(buf) then
              vim.api.nvim_buf_delete(buf, { force = true })
            end
          end)
        end
        return
      end
    end
  end
  table.insert(open, question)
  permission.show_status(session)
  event.emit("PiUi", { session = session.id, request = request })
  local about = vim.fn.strcharpart(one_line(request.title), 0, math.max(20, vim.o.columns - 40))
  vim.notify(("Pi asks: %s · :Pi answer"):format(about), vim.log.levels.INFO, { title = "Pi" })
  permission.open_in_silence(session)
end

--- The handler of the request. Neovim runs it in a coroutine and sends what it returns in the end.
---@param params pi.UiParams
---@param ctx lsp.HandlerContext
---@return pi.ExtensionUiAnswer|vim.NIL
function M.serve(_, params, ctx)
  local request, session = params.request, session_of(ctx.client_id)
  local waiting = coroutine.running()
  if not session then
    return vim.NIL
  elseif asks[request.method] and waiting then
    ask(session, request, vim.schedule_wrap(function(result)
      coroutine.resume(waiting, result)
    end))
    return coroutine.yield()
  end
  shown[session.root] = shown[session.root] or { status = {}, widgets = {} }
  if shows[request.method] then
    shows[request.method](request, session)
  end
  event.emit("PiUi", { session = session.id, request = request })
  session:changed()
  return vim.NIL
end

return M
