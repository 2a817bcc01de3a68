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

--- Asks a running server, or starts one for the question and ends it again.
local function check_server()
  local started = vim.uv.hrtime()
  local function took()
    return ("%d ms"):format((vim.uv.hrtime() - started) / 1e6)
  end
  local state, problem, temporary
  local function ask(lsp_client)
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
    if state.model then
      vim.health.ok(("model: %s/%s"):format(state.model.provider, state.model.id))
    else
      vim.health.warn("no model is set up", "Run :Pi doctor; it says which keys and local servers were found")
    end
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
  if vim.o.autowriteall or vim.o.autowrite then
    vim.health.info("'autowrite' saves buffers by itself, Pi's edits included")
  end
  vim.health.info("log: " .. compat.lsp_log_path())
end

function M.check()
  vim.health.start("pi")
  check_neovim()
  check_config()
  if check_binary() then
    check_server()
  end
  check_surroundings()
end

return M
