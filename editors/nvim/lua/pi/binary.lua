--- Finds the `pi` program and makes sure that it is pi-server. The terminal Pi has the same name and may come first
--- in PATH; starting that one as a language server would only hang.
local config = require("pi.config")
local M = {}

--- Longest wait for an answer to `--version`, in milliseconds. The terminal Pi needs a second for it.
local VERSION_TIMEOUT = 5000

---@class pi.Binary
---@field path string
---@field version string
---@field origin string where it was found: setting, bundled, PATH or cargo target

---@class pi.Refusal
---@field path string
---@field origin string
---@field reason string

local known = {} ---@type table<string, {stamp: string, version?: string, reason?: string}>

local function plugin_dir()
  -- .../lua/pi/binary.lua
  return vim.fs.dirname(vim.fs.dirname(vim.fs.dirname(debug.getinfo(1, "S").source:sub(2))))
end

local function executable(path)
  return vim.fn.executable(path) == 1
end

--- Where to look, best first. A program that the user named is the only candidate.
---@return {path: string, origin: string}[]
function M.candidates()
  local cmd = config.get().cmd
  if cmd then
    return { { path = vim.fn.expand(type(cmd) == "table" and cmd[1] or cmd), origin = "setting" } }
  end
  local windows = vim.fn.has("win32") == 1
  local name = windows and "pi.exe" or "pi"
  local found, seen = {}, {}
  local function add(path, origin)
    local real = vim.uv.fs_realpath(path)
    if real and not seen[real] and executable(path) then
      seen[real] = true
      found[#found + 1] = { path = path, origin = origin }
    end
  end
  local plugin = plugin_dir()
  add(vim.fs.joinpath(plugin, "bin", name), "bundled")
  for _, dir in ipairs(vim.split(vim.env.PATH or "", windows and ";" or ":", { trimempty = true })) do
    add(vim.fs.joinpath(dir, name), "PATH")
  end
  local repository = vim.fs.dirname(vim.fs.dirname(plugin))
  for _, profile in ipairs({ "release", "debug" }) do
    add(vim.fs.joinpath(repository, "target", profile, name), "cargo target")
  end
  return found
end

--- Arguments of the server, without the program.
---@return string[]
function M.arguments()
  local cmd = config.get().cmd
  return type(cmd) == "table" and vim.list_slice(cmd, 2) or {}
end

--- The version in what `--version` printed, if pi-server printed it.
---@param output string
---@return string?
function M.parse_version(output)
  return output:match("^pi%-server (%S+)")
end

local function refusal(output)
  local line = vim.trim(output):match("[^\r\n]*") or ""
  if line:match("^v?%d+%.%d+%.%d+$") then
    return ("it is the terminal Pi %s, not pi-server"):format(line)
  end
  return ("it does not say that it is pi-server (--version printed %q)"):format(line:sub(1, 80))
end

--- Asks one program what it is.
---@param path string
---@param done fun(version?: string, reason?: string)
function M.identify(path, done)
  local stat = vim.uv.fs_stat(path)
  local stamp = stat and ("%d.%d.%d"):format(stat.mtime.sec, stat.mtime.nsec, stat.size) or ""
  local before = known[path]
  if before and before.stamp == stamp then
    return done(before.version, before.reason)
  end
  local function answer(version, reason)
    known[path] = { stamp = stamp, version = version, reason = reason }
    done(version, reason)
  end
  if not executable(path) then
    return done(nil, "there is no such program")
  end
  local ok, problem = pcall(vim.system, { path, "--version" }, { text = true, timeout = VERSION_TIMEOUT, stdin = "" },
    vim.schedule_wrap(function(result)
      local version = M.parse_version(result.stdout or "")
      if version then
        answer(version)
      elseif result.code == 124 then
        done(nil, "it did not answer --version")
      else
        answer(nil, refusal(result.stdout or ""))
      end
    end))
  if not ok then
    done(nil, "it cannot be started: " .. tostring(problem))
  end
end

--- The first candidate that is pi-server.
---@param done fun(binary?: pi.Binary, refused: pi.Refusal[])
function M.find(done)
  local candidates, refused = M.candidates(), {}
  local function try(index)
    local candidate = candidates[index]
    if not candidate then
      return done(nil, refused)
    end
    M.identify(candidate.path, function(version, reason)
      if version then
        done({ path = candidate.path, version = version, origin = candidate.origin }, refused)
      else
        refused[#refused + 1] = { path = candidate.path, origin = candidate.origin, reason = reason }
        try(index + 1)
      end
    end)
  end
  try(1)
end

--- What to tell the user when nothing was found.
---@param refused pi.Refusal[]
---@return string
function M.explain(refused)
  if #refused == 0 then
    return "The pi program was not found. Looked in: setting, bundled, PATH, cargo target. "
      .. 'Install pi-server, or set vim.g.pi = { cmd = "/path/to/pi" }.'
  end
  local lines = { "No pi-server was found." }
  for _, item in ipairs(refused) do
    lines[#lines + 1] = ("%s (%s) was not started: %s."):format(item.path, item.origin, item.reason)
  end
  lines[#lines + 1] = 'Install pi-server, or set vim.g.pi = { cmd = "/path/to/pi" }.'
  return table.concat(lines, "\n")
end

return M
