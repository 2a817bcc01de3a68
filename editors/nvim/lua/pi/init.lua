--- What other Lua code can call (`:help pi-lua`). `:Pi` is a thin layer over this.
local config = require("pi.config")
local session = require("pi.session")
require("pi.highlight")

local M = {}

---@class pi.AskOptions
---@field text? string asked for with `vim.ui.input` if absent
---@field region? pi.Region see `require("pi.context")`
---@field parts? pi.Part[] more of what it is about
---@field queue? boolean deliver after the run
---@field stop? boolean stop the run first

--- The nearest folder upwards with a root marker. (`vim.fs.root` prefers earlier markers in some versions.)
---@param from string
---@return string?
local function marked(from)
  local marker = vim.fs.find(config.get().root_markers, { upward = true, path = from })[1]
  return marker and vim.fs.dirname(marker)
end

--- The workspace folder of the current buffer.
---@return string
local function root()
  local buf = vim.api.nvim_get_current_buf()
  local own = vim.b[buf].pi_root
  if own then
    return own
  end
  local here, name = vim.uv.cwd() --[[@as string]], vim.api.nvim_buf_get_name(buf)
  local file = vim.bo[buf].buftype == "" and name ~= "" and vim.fs.dirname(name) or nil
  return file and marked(file) or marked(here) or here
end

--- The session of the current buffer's folder.
---@return pi.Session
function M.session()
  return session.get(root())
end

local function chat()
  return require("pi.chat")
end

--- Sends a prompt; while Pi works it steers. Opens the chat without entering it.
---@param opts? pi.AskOptions
function M.ask(opts)
  opts = opts or {}
  local it = M.session()
  local function go(text)
    text = text and vim.trim(text) or ""
    if text == "" then
      return
    end
    require("pi.prompt").remember(it, text)
    if not chat().visible(it) then
      chat().open(it)
    end
    local function send()
      local parts = vim.list_extend(opts.region and { { region = opts.region } } or {}, opts.parts or {})
      it:send({ text = text, parts = vim.list_extend(parts, it:take_added()), queue = opts.queue })
    end
    if opts.stop then
      it:stop(send)
    else
      send()
    end
  end
  if opts.text and vim.trim(opts.text) ~= "" then
    return go(opts.text)
  end
  vim.ui.input({ prompt = it:busy() and not opts.queue and "Steer Pi: " or "Ask Pi: " }, go)
end

--- Tells the running Pi something; idle it is an ordinary prompt, so that no word is lost.
---@param text? string
---@param opts? pi.AskOptions
function M.steer(text, opts)
  M.ask(vim.tbl_extend("force", opts or {}, { text = text, queue = false }))
end

--- A prompt for after the run.
---@param text? string
---@param opts? pi.AskOptions
function M.queue(text, opts)
  M.ask(vim.tbl_extend("force", opts or {}, { text = text, queue = true }))
end

--- Stops the run. Queued messages stay queued.
function M.stop()
  local it = M.session()
  if not it:busy() then
    return vim.notify("Pi is not working on anything.", vim.log.levels.INFO, { title = "Pi" })
  end
  it:stop()
end

--- Opens the question that waits for the user.
function M.answer()
  require("pi.ui").answer(M.session())
end

--- Allows what the open question asks for; opens the question if it is not on the screen.
---@param scope? "once"|"chat"|"always"
function M.allow(scope)
  require("pi.permission").allow(M.session(), scope)
end

--- Rejects what is asked for.
---@param why? string words for the model
function M.deny(why)
  require("pi.permission").reject(M.session(), why)
end

--- The changes that wait in a buffer, where they are now: `id`, `first` and `last` line (from 1; `last` is before
--- `first` where lines were only taken away), `added`, `removed`, `status`. Cheap enough for a status column.
---@param buf? integer
---@return table[]
function M.hunks(buf)
  return require("pi.decide").list(buf)
end

--- Opens the chat and goes to its prompt.
function M.focus()
  local it = M.session()
  it:when_ready(function() end)
  chat().focus(it, true)
end

--- Opens or closes the chat.
function M.toggle()
  chat().toggle(M.session())
end

--- Closes the chat's windows; the run goes on.
function M.close()
  chat().close(M.session())
end

--- Starts a new session in this folder.
function M.new()
  M.session():new_session()
end

--- Chooses the model; with a picker if none is named.
---@param name? string `provider/id`, or the id alone
function M.model(name)
  local it = M.session()
  it:when_ready(function(problem)
    if problem then
      return
    end
    it:request("pi/getAvailableModels", nil, function(err, result)
      if err then
        return it:report(err)
      end
      it.models = result.models
      if name then
        for _, model in ipairs(it.models) do
          if name == model.id or name == model.provider .. "/" .. model.id then
            return it:set_model(model)
          end
        end
        return it:report(("No model is called %s. :Pi model lists those with a key."):format(name))
      elseif #it.models == 0 then
        return it:report("No model is set up yet. :Pi doctor says what is missing.")
      end
      vim.ui.select(it.models, {
        prompt = "Model",
        format_item = function(model)
          return model.provider .. "/" .. model.id
        end,
      }, function(model)
        if model then
          it:set_model(model)
        end
      end)
    end)
  end)
end

--- Chooses how hard the model thinks; with a picker if no level is named.
---@param level? string
function M.thinking(level)
  local it = M.session()
  it:when_ready(function(problem)
    if problem then
      return
    elseif level then
      return it:set_thinking(level)
    end
    it:request("pi/getAvailableThinkingLevels", nil, function(err, result)
      if err then
        return it:report(err)
      end
      vim.ui.select(result.levels, { prompt = "Thinking" }, function(choice)
        if choice then
          it:set_thinking(choice)
        end
      end)
    end)
  end)
end

--- Ends the server and starts it again; the session goes on. A changed `vim.g.pi` counts from now on.
function M.restart()
  M.session():restart()
end

--- Runs `pi doctor` in a terminal below: what Pi found on this machine, what is missing and what to do.
function M.doctor()
  require("pi.binary").find(function(found, refused)
    if not found then
      return M.session():report(require("pi.binary").explain(refused))
    end
    vim.cmd("botright new")
    local options = { cwd = M.session().root, env = config.get().cmd_env }
    if vim.tbl_isempty(options.env) then
      options.env = nil
    end
    if vim.fn.has("nvim-0.11") == 1 then
      options.term = true
      vim.fn.jobstart({ found.path, "doctor" }, options)
    else
      vim.fn.termopen({ found.path, "doctor" }, options)
    end
  end)
end

--- How to give Pi a model.
function M.setup()
  vim.cmd.help("pi-setup")
end

--- Opens the log of Neovim's language clients, where the server's messages go.
function M.log()
  vim.cmd.tabedit(vim.fn.fnameescape(require("pi.compat").lsp_log_path()))
end

local roots = {} ---@type table<string, string> of buffers that a statusline asked about

--- The session of the current buffer's folder, if there is one. Asks the file system once for each name.
---@return pi.Session?
local function known_session()
  local buf = vim.api.nvim_get_current_buf()
  local key = ("%s\0%s\0%s"):format(vim.uv.cwd(), vim.bo[buf].buftype, vim.api.nvim_buf_get_name(buf))
  roots[key] = vim.b[buf].pi_root or roots[key] or root()
  return session.all[roots[key]]
end

-- Where a chat begins there may be a folder with a marker now.
vim.api.nvim_create_autocmd("User", {
  group = vim.api.nvim_create_augroup("pi.roots", {}),
  pattern = { "PiSession", "PiRunStart" },
  callback = function()
    roots = {}
  end,
})

--- The status of the current folder's session. Cheap enough for a statusline.
---@return pi.Status
function M.status()
  local it = known_session()
  return it and it.status or require("pi.status").new()
end

local in_statusline = false

-- The user's statusline is drawn again when there is something else to say.
table.insert(session.on_change, function(it)
  if in_statusline then
    require("pi.winbar").refresh(it)
  end
end)

--- One short text for a statusline; empty when nothing runs.
---@return string
function M.statusline()
  in_statusline = true
  local it = known_session()
  if not it then
    return ""
  end
  local text = require("pi.status").strip(it.status)
  return text == "" and "" or vim.trim(it.status.icon .. " " .. text)
end

--- For `autostart = "open"`: starts the server with the first file buffer. True when it has done so.
---@return boolean?
function M.autostart()
  if require("pi.client").wants(vim.api.nvim_get_current_buf()) then
    M.session():when_ready(function() end)
    return true
  end
end

--- Shows and changes what waits to be said.
function M.queue_list()
  require("pi.queue").list(M.session())
end

-- What has a module of its own, which is loaded when it is used.
for module, names in pairs({
  ["pi.decide"] = { "keep", "reject", "redo", "review", "diff" },
  ["pi.revert"] = { "revert" },
  ["pi.verbs"] = { "edit", "explain", "fix", "refactor", "doc", "test", "add" },
  ["pi.chats"] = {
    "sessions", "tree", "fork", "rename", "export", "delete", "compact", "cost", "mode", "retry", "give_up",
    "skip", "continue", "document", "demo",
  },
}) do
  for _, name in ipairs(names) do
    M[name] = function(...)
      return require(module)[name](...)
    end
  end
end

-- Said only to those who cannot see it.
vim.api.nvim_create_autocmd("User", {
  group = vim.api.nvim_create_augroup("pi.notify", {}),
  pattern = "PiRunEnd",
  callback = function(args)
    local when, ended = config.get().notify, args.data
    for _, it in pairs(session.all) do
      if it.id == ended.session and (when == "always" or when == "needed" and not chat().visible(it)) then
        local clock = require("pi.describe").clock(ended.seconds)
        if ended.outcome == "failed" then
          vim.notify("Pi: " .. ended.message, vim.log.levels.ERROR, { title = "Pi" })
        else
          local text = ended.outcome == "stopped" and "Stopped by you after " or "Pi finished after "
          vim.notify(text .. clock, vim.log.levels.INFO, { title = "Pi" })
        end
      end
    end
  end,
})

return M
