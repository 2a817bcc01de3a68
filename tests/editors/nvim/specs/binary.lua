-- The terminal Pi has the same name: it must never be started as a language server.

--- A program called pi that prints `version`, and notes every start with other arguments in `started`.
local function impostor(dir, version)
  write_file(dir .. "/pi", ('#!/bin/sh\nif [ "$1" = --version ]; then echo "%s"; else echo "$@" >> "%s/started"; fi\n')
    :format(version, dir))
  assert(vim.uv.fs_chmod(dir .. "/pi", tonumber("755", 8)))
  return dir
end

--- A copy of the plugin that has no cargo target beside it.
local function plugin_elsewhere(name)
  local copy = scratch .. "/" .. name
  vim.fn.mkdir(copy, "p")
  assert(vim.system({ "cp", "-R", repo .. "/editors/nvim", copy }):wait().code == 0)
  return copy .. "/nvim"
end

local terminal_pi = impostor(scratch .. "/terminal-pi", "0.73.1")
local something = impostor(scratch .. "/something", "raspberry 3.14")
local real = scratch .. "/real"
vim.fn.mkdir(real, "p")
assert(vim.uv.fs_symlink(vim.env.PI_BIN, real .. "/pi"))
local system = ":/usr/bin:/bin"

story("the terminal Pi on PATH is refused with a clear message", {
  plugin = plugin_elsewhere("refused"),
  path = terminal_pi .. ":" .. something .. system,
  config = vim.empty_dict(),
}, function(nvim)
  nvim:cmd("Pi hello")
  local problem = nvim:event("PiError").message
  contains(problem, "No pi-server was found", terminal_pi .. "/pi (PATH) was not started",
    "it is the terminal Pi 0.73.1, not pi-server", something .. "/pi", "raspberry 3.14", "vim.g.pi = { cmd =")
  equal(nvim:lua("return _G.said"), { problem }, "messages")
  equal(vim.uv.fs_stat(terminal_pi .. "/started"), nil, "started as a server")
  equal(nvim:lua("return require('pi').status().state"), "off")
end)

story("pi-server behind the terminal Pi on PATH is found", {
  plugin = plugin_elsewhere("behind"),
  path = terminal_pi .. ":" .. real .. system,
  config = vim.empty_dict(),
}, function(nvim)
  nvim:lua("require('pi.binary').find(function(found, refused) _G.found, _G.refused = found, refused end)")
  nvim:wait("_G.refused")
  equal(nvim:lua("return _G.found.path"), real .. "/pi")
  equal(nvim:lua("return _G.found.origin"), "PATH")
  equal(nvim:lua("return #_G.refused"), 1)
end)

story("a program that the user named and that does not exist is named", {
  config = { cmd = "/no/such/pi" },
}, function(nvim)
  nvim:cmd("Pi hello")
  contains(nvim:event("PiError").message, "/no/such/pi (setting) was not started: there is no such program")
end)
