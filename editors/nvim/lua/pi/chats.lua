--- The chats of a folder: opened, found by what was said, branched, named, exported, deleted; and what they cost.
local describe = require("pi.describe")
local M = {}

--- Longest title of a chat that has no name, in characters.
local TITLE = 60

local function say(text)
  vim.notify(text, vim.log.levels.INFO, { title = "Pi" })
end

--- Runs `callback` with the current session when it answers.
local function with(callback)
  local it = require("pi").session()
  it:when_ready(function(problem)
    if not problem then
      callback(it)
    end
  end)
end

local function short(text)
  local line = vim.trim(text):match("[^\n]*") or ""
  return vim.fn.strcharlen(line) > TITLE and vim.fn.strcharpart(line, 0, TITLE - 1) .. "…" or line
end

local function title(it)
  return short(it.name or it.firstMessage)
end

--- What the server says of a chat that another process has.
local ELSEWHERE = "This chat is open in another window."

--- Offers a copy of a chat that another process has: only one can write in it.
local function offer_copy(it, summary)
  vim.ui.select({ "Open a copy" }, { prompt = ELSEWHERE }, function(chosen)
    if not chosen then
      return
    end
    it:request("pi/session/add", { copyOf = summary.sessionId }, function(err, copy)
      if err then
        return it:report(err)
      end
      it:show(copy.sessionId, function()
        require("pi.chat").open(it)
      end)
    end)
  end)
end

local function open(it, summary)
  if it:busy() then
    return say("Pi is still working in this chat. :Pi stop ends that.")
  elseif summary.sessionId == it.id then
    return require("pi.chat").focus(it, false)
  end
  it:request("pi/switchSession", { sessionPath = summary.file }, function(err)
    if err == ELSEWHERE then
      return offer_copy(it, summary)
    elseif err then
      return it:report(err)
    end
    it:refresh(function()
      require("pi.chat").open(it)
    end)
  end)
end

--- Lists the chats of the folder, or those in which a text was said, and opens the chosen one.
---@param text? string
function M.sessions(text)
  with(function(it)
    local function choose(items)
      if #items == 0 then
        return say(text and ("No chat mentions “%s”."):format(text) or "Your chats in this folder will be listed here.")
      end
      vim.ui.select(items, {
        prompt = "Chats in this folder",
        format_item = function(item)
          local of = item.session
          local when = os.date("%Y-%m-%d %H:%M", math.floor(of.modified / 1000))
          local line = item.line and "  " .. short(item.line) or ""
          return ("%s  %s · %d messages%s"):format(title(of), when, of.messageCount, line)
        end,
      }, function(item)
        if item then
          open(it, item.session)
        end
      end)
    end
    if text then
      return it:request("pi/session/search", { query = text }, function(err, result)
        if err then
          return it:report(err)
        end
        choose(result.found)
      end)
    end
    it:request("pi/session/list", nil, function(err, result)
      if err then
        return it:report(err)
      end
      local said = vim.tbl_filter(function(of)
        return of.messageCount > 0 and of.file ~= nil
      end, result.sessions)
      choose(vim.tbl_map(function(of)
        return { session = of }
      end, said))
    end)
  end)
end

--- User messages of the branch in force, oldest first.
---@param it pi.Session
---@param callback fun(messages: {id: string, text: string}[])
local function branch(it, callback)
  it:request("pi/getEntries", nil, function(err, result)
    if err then
      return it:report(err)
    end
    local by_id, messages = {}, {}
    for _, entry in ipairs(result.entries) do
      by_id[entry.id] = entry
    end
    local entry = by_id[result.leafId]
    while entry do
      if entry.type == "message" and entry.message.role == "user" then
        table.insert(messages, 1, { id = entry.id, text = describe.text(entry.message.content) })
      end
      entry = by_id[entry.parentId]
    end
    callback(messages)
  end)
end
M.branch = branch

--- Chooses a message of the user, newest first.
local function choose_message(messages, prompt, callback)
  if #messages == 0 then
    return say("Nothing has been said in this chat yet.")
  end
  local newest = {}
  for index = #messages, 1, -1 do
    newest[#newest + 1] = { number = index, message = messages[index] }
  end
  vim.ui.select(newest, {
    prompt = prompt,
    format_item = function(item)
      return ("%d  %s"):format(item.number, short(item.message.text))
    end,
  }, function(item)
    if item then
      callback(item.message)
    end
  end)
end
M.choose_message = choose_message

--- Goes on from before a message: its text comes back into the prompt, the old branch stays in the tree.
local function go_on_from(it, id)
  it:request("pi/navigateTree", { targetId = id }, function(err, result)
    if err then
      return it:report(err)
    end
    it:reload()
    require("pi.chat").focus(it, false)
    if result.editorText then
      require("pi.prompt").insert(it, result.editorText)
    end
  end)
end

--- Chooses a message of any branch and goes on from before it.
function M.tree()
  with(function(it)
    it:request("pi/getForkMessages", nil, function(err, result)
      if err then
        return it:report(err)
      end
      local messages = vim.tbl_map(function(of)
        return { id = of.entryId, text = of.text }
      end, result.messages)
      choose_message(messages, "Go on from before", function(message)
        go_on_from(it, message.id)
      end)
    end)
  end)
end

--- Starts a new chat with everything before a message; its text comes into the prompt.
function M.fork()
  with(function(it)
    branch(it, function(messages)
      choose_message(messages, "Fork before", function(message)
        it:request("pi/fork", { entryId = message.id }, function(err, result)
          if err then
            return it:report(err)
          elseif result.cancelled then
            return
          end
          it:refresh(function()
            require("pi.chat").focus(it, false)
            require("pi.prompt").insert(it, result.text)
          end)
        end)
      end)
    end)
  end)
end

--- Makes a call of the model that failed again: at once if that is waited for. Else asks the last prompt again, in the
--- place of the answer it got.
function M.retry()
  with(function(it)
    local state = it.status.state
    if state == "retrying" or state == "failed" then
      return it:request("pi/retryNow")
    elseif it:busy() then
      return say("Pi is still working in this chat. :Pi stop ends that.")
    end
    branch(it, function(messages)
      local last = messages[#messages]
      if not last then
        return say("Nothing has been said in this chat yet.")
      end
      it:request("pi/navigateTree", { targetId = last.id }, function(err, result)
        if err then
          return it:report(err)
        end
        it:reload(function()
          it:send({ text = result.editorText or last.text })
        end)
      end)
    end)
  end)
end

--- Makes no further try of a call that failed.
function M.give_up()
  with(function(it)
    if it.status.state ~= "retrying" then
      return say("Pi is not waiting to try again.")
    end
    it:request("pi/abortRetry")
  end)
end

--- Ends a tool call, and the run goes on without its result: the one at the cursor in the history if it runs, else the
--- one that began last.
function M.skip()
  local it = require("pi").session()
  local here = vim.api.nvim_get_current_buf() == it.transcript.buf
  local id = it.transcript:running(here and vim.api.nvim_win_get_cursor(0)[1] or nil)
  if not id then
    return say("No tool is running.")
  end
  it:request("pi/skipTool", { toolCallId = id })
end

--- Plays the demo, without a key and without a network: a chat of its own with a scripted model, which edits a file of
--- its own in a buffer.
function M.demo()
  with(function(it)
    it:request("pi/demo", { folder = it.root }, function(err, demo)
      if err then
        return it:report(err)
      end
      require("pi.window").go_to(vim.uri_to_fname(demo.uri))
      it:show(demo.sessionId, function(problem)
        if problem then
          return it:report(problem)
        end
        require("pi.chat").open(it)
        it:send({ text = demo.prompt })
      end)
    end)
  end)
end

--- Goes on after a stop or an error.
function M.continue()
  require("pi").ask({ text = "Continue." })
end

--- Names the chat.
---@param name? string asked for if absent
function M.rename(name)
  with(function(it)
    local function go(text)
      text = vim.trim(text or "")
      if text ~= "" then
        it:request("pi/setSessionName", { name = text })
      end
    end
    if name then
      return go(name)
    end
    vim.ui.input({ prompt = "Rename chat: ", default = it.name or "" }, go)
  end)
end

--- Deletes the chat, after a question, and begins a new one.
function M.delete()
  with(function(it)
    if it:busy() then
      return say("Pi is still working in this chat. :Pi stop ends that.")
    end
    vim.ui.select({ "Delete", "Cancel" }, {
      prompt = ("Delete chat “%s”? It moves to the trash."):format(it.name or "this chat"),
    }, function(choice)
      if choice ~= "Delete" then
        return
      end
      local id = it.id
      it:request("pi/newSession", nil, function(err)
        if err then
          return it:report(err)
        end
        it:refresh(function()
          it:request("pi/session/delete", { sessionId = id }, function(problem)
            if problem then
              return it:report(problem)
            end
            say("The chat is in the trash.")
          end)
        end)
      end)
    end)
  end)
end

--- Writes the chat as a web page.
---@param path? string
function M.export(path)
  with(function(it)
    local params = path and { outputPath = vim.fn.fnamemodify(vim.fn.expand(path), ":p") } or nil
    it:request("pi/exportHtml", params, function(err, result)
      if err then
        return it:report(err)
      end
      say("Exported to " .. result.path)
    end)
  end)
end

--- Summarises older turns to make room.
---@param focus? string what the summary should pay attention to
function M.compact(focus)
  with(function(it)
    it:request("pi/compact", { customInstructions = focus }, function(err)
      if err then
        return it:report(err)
      end
      say("Summarised older turns; the full chat is kept")
    end)
  end)
end

--- Says what the chat has cost and how full the context is.
function M.cost()
  with(function(it)
    it:request("pi/getSessionStats", nil, function(err, stats)
      if err then
        return it:report(err)
      end
      local parts = { describe.tokens(stats.tokens.total) .. " tokens" }
      parts[2] = stats.cost > 0 and ("$%.2f"):format(stats.cost) or "–"
      local usage = stats.contextUsage
      if usage and type(usage.percent) == "number" then
        parts[3] = ("context %d%% of %s"):format(math.floor(usage.percent + 0.5), describe.tokens(usage.contextWindow))
      end
      say(table.concat(parts, " · "))
    end)
  end)
end

--- Opens the chat as a Markdown file, in which one writes below the last heading and saves to send.
function M.document()
  with(function(it)
    vim.api.nvim_set_current_win(require("pi.window").for_files())
    it:request("workspace/executeCommand", { command = "pi.openChat", arguments = {} })
  end)
end

--- What each permission mode means.
local modes = {
  { id = "plan", text = "reads, changes nothing" },
  { id = "ask", text = "asks before it changes a file or runs a command" },
  { id = "edit", text = "edits in the project, asks before commands" },
  { id = "full", text = "does everything that no rule names" },
}

--- Chooses what Pi may do without asking; with a picker if no mode is named.
---@param name? pi.PermissionMode
function M.mode(name)
  with(function(it)
    local function go(mode)
      it:request("pi/setPermissionMode", { mode = mode })
    end
    if name then
      return go(name)
    end
    vim.ui.select(modes, {
      prompt = "Mode",
      format_item = function(mode)
        return ("%s%s  %s"):format(mode.id, mode.id == it.mode and " (now)" or "", mode.text)
      end,
    }, function(mode)
      if mode then
        go(mode.id)
      end
    end)
  end)
end

return M
