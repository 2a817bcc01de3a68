--- The language client of one workspace folder: starts `pi lsp`, shows it every file buffer (so that Pi reads and edits
--- unsaved text) and carries requests. It knows nothing about sessions or windows.
local binary = require("pi.binary")
local compat = require("pi.compat")
local config = require("pi.config")
local M = {}

--- Version of the protocol that this plugin speaks.
M.VERSION = 1

--- What this plugin can do beyond plain LSP; the server leaves out what is not named here.
local CAPABILITIES = {
  version = M.VERSION,
  events = "delta",
  activity = true,
  ui = true,
  permissions = "events",
  saveDocuments = true,
  reloadDocuments = true,
  editorState = true,
  editorDiagnostics = true,
  editorDefinition = true,
  editorReferences = true,
  editorSymbols = true,
  review = true,
  chatDocument = true,
  commands = { "pi.ask" },
}

local function capabilities()
  local result = vim.lsp.protocol.make_client_capabilities()
  -- Neovim applies versioned edits and does not say so.
  result.workspace.workspaceEdit.documentChanges = true
  result.experimental = vim.tbl_extend("force", result.experimental or {}, { pi = CAPABILITIES })
  return result
end

--- Closes the open undo block of a buffer, so that what follows is undone on its own.
local function break_undo(buf)
  if vim.api.nvim_buf_is_loaded(buf) then
    vim.api.nvim_buf_call(buf, function()
      vim.cmd("let &l:undolevels = &l:undolevels")
    end)
  end
end

--- Buffers that a workspace edit changes.
local function edited_buffers(edit)
  local buffers = {}
  for uri in pairs(edit.changes or {}) do
    buffers[#buffers + 1] = vim.uri_to_bufnr(uri)
  end
  for _, change in ipairs(edit.documentChanges or {}) do
    if change.textDocument then
      buffers[#buffers + 1] = vim.uri_to_bufnr(change.textDocument.uri)
    end
  end
  return buffers
end

--- Neovim's own handler does the work. Around it: the label is taken away, because two echoed labels make a
--- press-Enter prompt; and the edit gets an undo block of its own, also in the middle of the user's insert.
local function apply_edit(err, params, ctx)
  local buffers = edited_buffers(params.edit)
  vim.tbl_map(break_undo, buffers)
  params.label = nil
  local result = vim.lsp.handlers["workspace/applyEdit"](err, params, ctx)
  vim.tbl_map(break_undo, buffers)
  return result
end

--- Handlers of what the server asks, in modules that are loaded when it does.
local function served()
  local handlers = {}
  for method, place in pairs({
    ["pi/ui"] = { "pi.ui", "serve" },
    ["pi/saveDocuments"] = { "pi.save", "documents" },
    ["pi/reloadDocuments"] = { "pi.save", "reload" },
    ["pi/editor/state"] = { "pi.editor", "state" },
    ["pi/editor/diagnostics"] = { "pi.editor", "diagnostics" },
    ["pi/editor/definition"] = { "pi.editor", "definition" },
    ["pi/editor/references"] = { "pi.editor", "references" },
    ["pi/editor/symbols"] = { "pi.editor", "symbols" },
  }) do
    handlers[method] = function(...)
      return require(place[1])[place[2]](...)
    end
  end
  return handlers
end

--- Whether Pi should see this buffer: a loaded, ordinary buffer with a file name.
---@param buf integer
---@return boolean
function M.wants(buf)
  if not vim.api.nvim_buf_is_loaded(buf) or vim.bo[buf].buftype ~= "" then
    return false
  end
  local name = vim.api.nvim_buf_get_name(buf)
  if name == "" or name:match("^%a[%w+.-]+://") then
    return false
  end
  local filetype, settings = vim.bo[buf].filetype, config.get()
  if vim.tbl_contains(settings.exclude, filetype) then
    return false
  end
  return settings.filetypes == "*" or vim.tbl_contains(settings.filetypes, filetype)
end

--- Tells the server of files that are moved with their buffers: what waits in them moves along. Neovim tells no server.
local function tell_moves(client, group)
  local before = {} ---@type table<integer, string>
  vim.api.nvim_create_autocmd("BufFilePre", {
    group = group,
    callback = function(args)
      before[args.buf] = vim.api.nvim_buf_get_name(args.buf)
    end,
  })
  vim.api.nvim_create_autocmd("BufFilePost", {
    group = group,
    callback = function(args)
      local from, to = before[args.buf], vim.api.nvim_buf_get_name(args.buf)
      before[args.buf] = nil
      -- Where the old file is still there, this is a copy of it.
      if M.wants(args.buf) and (from or "") ~= "" and not vim.uv.fs_stat(from) and vim.uv.fs_stat(to) then
        local moved = { oldUri = vim.uri_from_fname(from), newUri = vim.uri_from_fname(to) }
        compat.lsp_notify(client, "workspace/didRenameFiles", { files = { moved } })
      end
    end,
  })
end

--- Shows all present and future file buffers to the client.
local function attach_buffers(client)
  local function attach(buf)
    if M.wants(buf) then
      vim.lsp.buf_attach_client(buf, client.id)
    end
  end
  vim.iter(vim.api.nvim_list_bufs()):each(attach)
  local group = vim.api.nvim_create_augroup("pi.attach." .. client.id, {})
  tell_moves(client, group)
  vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile", "FileType", "BufFilePost" }, {
    group = group,
    callback = function(args)
      attach(args.buf)
    end,
  })
  return group
end

---@class pi.ClientHandlers
---@field event fun(envelope: pi.Envelope) one `pi/event`
---@field activity fun(told: pi.ActivityParams) one `pi/activity`
---@field ask fun(region: pi.Region) the user chose to ask about a place
---@field ready fun(client: vim.lsp.Client)
---@field failed fun(message: string) it could not be started
---@field exited fun(code: integer, signal: integer) it was running and ended

--- Starts the server for `root`.
---@param root string
---@param handlers pi.ClientHandlers
function M.start(root, handlers)
  binary.find(function(found, refused)
    if not found then
      return handlers.failed(binary.explain(refused))
    end
    local settings = config.server_settings()
    local ready, group = false, nil
    local client_id = compat.lsp_start({
      name = "pi",
      cmd = vim.list_extend({ found.path, "lsp" }, binary.arguments()),
      cmd_cwd = root,
      cmd_env = config.server_env(),
      root_dir = root,
      workspace_folders = { { uri = vim.uri_from_fname(root), name = vim.fs.basename(root) } },
      init_options = settings,
      settings = { pi = settings },
      capabilities = capabilities(),
      -- Without a debounce Pi never reads text that is older than the screen.
      flags = { debounce_text_changes = 0 },
      handlers = vim.tbl_extend("error", served(), {
        ["pi/event"] = function(_, envelope)
          handlers.event(envelope)
        end,
        ["pi/activity"] = function(_, told)
          handlers.activity(told)
        end,
        ["workspace/applyEdit"] = apply_edit,
      }),
      commands = {
        -- The code action "ask about this": only the editor can ask for the question.
        ["pi.ask"] = function(command, ctx)
          local target, client = command.arguments[1], vim.lsp.get_client_by_id(ctx.client_id)
          if client then
            local context = require("pi.context")
            handlers.ask(context.of_range(target.uri, target.range, client.offset_encoding))
          end
        end,
      },
      on_init = function(client)
        ready = true
        group = attach_buffers(client)
        handlers.ready(client)
      end,
      on_exit = vim.schedule_wrap(function(code, signal)
        if group then
          vim.api.nvim_del_augroup_by_id(group)
        end
        if ready then
          handlers.exited(code, signal)
        else
          handlers.failed(
            ("%s ended before it was ready (exit code %d). Its messages are in %s (:Pi log)."):format(
              found.path,
              code,
              compat.lsp_log_path()
            )
          )
        end
      end),
    })
    if not client_id then
      handlers.failed(("%s could not be started. See :Pi log."):format(found.path))
    end
  end)
end

--- Sends a request; the callback gets the answer, or an error with a message for the user.
---@param client vim.lsp.Client
---@param method string
---@param params? table
---@param callback fun(err?: string, result?: any)
function M.request(client, method, params, callback)
  local sent = not compat.lsp_stopped(client)
    and compat.lsp_request(client, method, params or vim.empty_dict(), function(err, result)
      callback(err and (err.message or vim.inspect(err)) or nil, result)
    end)
  if not sent then
    callback("Pi is not running. :Pi restart starts it again.")
  end
end

return M
