--- `:checkhealth pi`: what is there, what is wrong, and what to type about it.
local binary = require("pi.binary")
local client = require("pi.client")
local compat = require("pi.compat")
local config = require("pi.config")
local session = require("pi.session")
local M = {}

--- Longest wait for the server, in milliseconds.
local TIMEOUT = 10000

local function check_neovim()
  local version = tostring(vim.version())
  if vim.fn.has("nvim-0.10") == 1 then
    vim.health.ok("Neovim " .. version)
  else
    vim.health.error(("Neovim %s is too old"):format(version), "Install Neovim 0.10 or newer")
  end
end

local function check_config()
  local _, problems = config.read()
  if #problems == 0 then
    vim.health.ok("vim.g.pi is valid")
  end
  for _, problem in ipairs(problems) do
    vim.health.warn("vim.g.pi: " .. problem, "See :help pi-config; the default is used instead")
  end
end

---@return pi.Binary?
local function check_binary()
  local found, refused, done
  binary.find(function(...)
    found, refused = ...
    done = true
  end)
  vim.wait(TIMEOUT, function()
    return done
  end, 10)
  for _, item in ipairs(refused or {}) do
    vim.health.warn(
      ("%s (%s) is not used: %s"):format(item.path, item.origin, item.reason),
      'To name the right program: vim.g.pi = { cmd = "/path/to/pi" }'
    )
  end
  if found then
    vim.health.ok(("%s (%s), pi-server %s"):format(found.path, found.origin, found.version))
  else
    local looked = ("%d program(s) called pi were looked at"):format(#binary.candidates())
    vim.health.error(binary.explain({}), "Install pi-server; " .. looked)
  end
  return found
end

--- Whether plugin and server mean the same by what they say.
local function check_protocol(server)
  if type(server) ~= "table" then
    vim.health.error("the server does not speak the plugin's protocol", "Install the pi-server this plugin came with")
  elseif server.version ~= client.VERSION then
    vim.health.warn(
      ("the plugin speaks protocol %d, the server %s"):format(client.VERSION, tostring(server.version)),
      "Update the older of them"
    )
  else
    vim.health.ok(("protocol %d, schema %s"):format(server.version, server.schemaHash or "unknown"))
  end
end

--- Rows of `pi doctor` that are said here already, or mean a program without an editor.
local told = { pi = true, sandbox = true, editors = true }

--- The rows of `pi doctor`: a name, a mark and words; what to do is in a line below.
local function doctor_rows(text)
  local rows = {}
  for _, line in ipairs(vim.split(text, "\n")) do
    local advice = line:match("^%s+→%s*(.*)$")
    if advice and rows[1] then
      rows[#rows].advice = advice
    end
    for _, mark in ipairs({ "✓", "✗", "–" }) do
      local name, words = line:match("^(%S+)%s+" .. mark .. "%s+(.*)$")
      if name then
        rows[#rows + 1] = { name = name, mark = mark, words = words }
      end
    end
  end
  return rows
end

--- What `pi doctor` says of settings, keys and model servers; values of keys are in none of it.
---@param found pi.Binary
local function check_doctor(found)
  local ok, result = pcall(function()
    return vim.system({ found.path, "doctor" }, { text = true, env = config.get().cmd_env, timeout = TIMEOUT }):wait()
  end)
  if not ok or vim.trim(result.stdout or "") == "" then
    return vim.health.warn("pi doctor says nothing", "Run :Pi doctor")
  end
  for _, row in ipairs(doctor_rows(result.stdout)) do
    local text = ("%s: %s"):format(row.name, row.words)
    if not told[row.name] then
      if row.mark == "✗" then
        vim.health.warn(text, row.advice or "Run :Pi doctor")
      elseif row.mark == "✓" then
        vim.health.ok(text)
      else
        vim.health.info(text)
      end
    end
  end
end

--- Has the provider asked whether it takes the key, which costs nothing.
local function check_key(lsp_client, provider)
  local answer
  client.request(lsp_client, "pi/checkKey", { provider = provider }, function(_, result)
    answer = result or {}
  end)
  vim.wait(TIMEOUT, function()
    return answer ~= nil
  end, 10)
  if answer and answer.refused then
    vim.health.error(answer.refused, "Set another key in the environment of Neovim, and start it again")
  end
end

--- Asks a running server, or starts one for the question and ends it again.
local function check_server()
  local started = vim.uv.hrtime()
  local function took()
    return ("%d ms"):format((vim.uv.hrtime() - started) / 1e6)
  end
  local state, problem, temporary, protocol
  local function ask(lsp_client)
    protocol = vim.tbl_get(lsp_client, "server_capabilities", "experimental", "pi")
    client.request(lsp_client, "pi/getState", nil, function(err, result)
      problem, state = err, result
    end)
  end
  local running = vim.iter(vim.tbl_values(session.all)):find(function(it)
    return it.client ~= nil
  end)
  if running then
    ask(running.client)
  else
    client.start(vim.uv.cwd() --[[@as string]], {
      event = function() end,
      ask = function() end,
      exited = function() end,
      failed = function(message)
        problem = message
      end,
      ready = function(lsp_client)
        temporary = lsp_client
        ask(lsp_client)
      end,
    })
  end
  vim.wait(TIMEOUT, function()
    return state ~= nil or problem ~= nil
  end, 10)
  if state then
    vim.health.ok(("the server answers (%s, %s)"):format(running and "running" or "started for this check", took()))
    check_protocol(protocol)
    if state.model then
      vim.health.ok(("model: %s/%s"):format(state.model.provider, state.model.id))
      check_key(temporary or running.client, state.model.provider)
    else
      vim.health.warn("no model is set up", "Run :Pi doctor; it says which keys and local servers were found")
    end
    local sandbox = state.sandbox
    vim.health.info("sandbox of the model's commands: " .. (sandbox and sandbox.mode or "none"))
    vim.health.info("permissions: " .. state.permissionMode)
  else
    vim.health.error(problem or ("the server did not answer in %d s"):format(TIMEOUT / 1000), "Run :Pi log")
  end
  if temporary then
    compat.lsp_stop(temporary)
  end
end

local function check_surroundings()
  if #vim.api.nvim_get_runtime_file("parser/markdown.*", false) > 0 then
    vim.health.ok("Markdown parser present")
  else
    local advice = "Run :TSInstall markdown markdown_inline"
    vim.health.warn("no Markdown parser: the chat is shown without highlighting", advice)
  end
  local source = debug.getinfo(vim.ui.select, "S").source
  local builtin = source:find("vim/ui.lua", 1, true) ~= nil
  vim.health.info("vim.ui.select: " .. (builtin and "Neovim's own" or source:gsub("^@", "")))
  for _, key in ipairs({ "]h", "[h" }) do
    local map = vim.fn.maparg(key, "n", false, true)
    if map.lhs and not (map.rhs or ""):find("<Plug>(pi-", 1, true) then
      local what = map.desc or map.rhs or "a function"
      vim.health.info(("%s is yours (%s); a review maps it in its buffers: review.keys"):format(key, what))
    end
  end
  if package.loaded["auto-save"] or vim.g.loaded_auto_save then
    vim.health.warn(
      "a plugin saves buffers by itself: in a chat document that could send half a prompt",
      'Set vim.g.pi = { settings = { chat = { sendOn = "marker" } } }'
    )
  end
  if not vim.o.autoread then
    vim.health.warn("'autoread' is off: files that Pi changes on disk are not read again", "Run :set autoread")
  end
  local watches = vim.lsp.protocol.make_client_capabilities().workspace.didChangeWatchedFiles or {}
  if watches.dynamicRegistration then
    vim.health.ok("file watcher: Neovim tells Pi of files that change outside of it")
  else
    vim.health.info("file watcher: Neovim watches none on this system; Pi looks at a file again when it needs it")
  end
  if vim.o.autowriteall or vim.o.autowrite then
    vim.health.info("'autowrite' saves buffers by itself, Pi's edits included")
  end
  vim.health.info("log: " .. compat.lsp_log_path())
end

function M.check()
  vim.health.start("pi")
  check_neovim()
  check_config()
  local found = check_binary()
  if found then
    check_server()
    check_doctor(found)
  end
  check_surroundings()
end

return M
