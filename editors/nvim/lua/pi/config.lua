--- What the user set in `vim.g.pi`, over the defaults. Read on first use and checked there; what is wrong is ignored
--- and named by `:checkhealth pi`, never thrown at the user in the middle of something.
local M = {}

---@class pi.ChatConfig
---@field layout? "right"|"left"|"bottom"|"float"|"tab"|"current"
---@field width? number share of the columns (below 1) or columns
---@field height? number share of the lines (below 1) or lines; for "bottom" and "float"
---@field follow? boolean scroll with the answer while the cursor is on the last line
---@field tools? "compact"|"normal"|"full" which finished tools are not folded: those that changed a file or failed,
--- commands too, or all
---@field thinking? "fold"|"always"|"never" how what the model thought is shown

---@class pi.PromptConfig
---@field height? integer[] smallest and largest height of the prompt, in lines
---@field send_while_running? "steer"|"queue" what sending means while Pi works

---@class pi.ReviewConfig
---@field style? "inline"|"signs"|"off" how changes that wait are shown in their buffers
---@field keys? "session"|"always"|false when buffers with such changes get the keys of the review
---@field max_removed? integer lines from before that are shown above a change

---@class pi.PermissionConfig
---@field popup? "chat"|"always"|"never" where a question opens by itself

---@class pi.Config
---@field cmd? string|string[] the program, or the program and arguments for `pi lsp`
---@field cmd_env? table<string, string> environment of the server
---@field settings? table settings for the server, as in its settings.json
---@field dirty? "save"|"warn"|"block"|"overlay" what happens to modified buffers before Pi runs a command
---@field log_level? "error"|"warn"|"info"|"debug"|"trace" how much the server logs
---@field root_markers? string[]
---@field filetypes? string|string[] "*" or the filetypes whose buffers Pi sees
---@field exclude? string[] filetypes whose buffers Pi never sees
---@field autostart? "use"|"open"
---@field chat? pi.ChatConfig
---@field prompt? pi.PromptConfig
---@field review? pi.ReviewConfig
---@field permission? pi.PermissionConfig
---@field notify? "needed"|"always"|"never"
---@field icons? "auto"|"unicode"|"ascii"

---@type pi.Config
M.defaults = {
  cmd_env = {},
  settings = {},
  root_markers = { ".git", ".pi" },
  filetypes = "*",
  exclude = { "help", "qf", "gitcommit" },
  autostart = "use",
  chat = { layout = "right", width = 0.4, height = 0.4, follow = true, tools = "compact", thinking = "fold" },
  prompt = { height = { 3, 12 }, send_while_running = "steer" },
  review = { style = "inline", keys = "session", max_removed = 20 },
  permission = { popup = "chat" },
  notify = "needed",
  icons = "auto",
}

local function one_of(...)
  local allowed = { ... }
  return function(value)
    if not vim.tbl_contains(allowed, value) then
      return "must be one of " .. table.concat(vim.tbl_map(vim.inspect, allowed), ", ")
    end
  end
end

local function of_type(...)
  local allowed = { ... }
  return function(value)
    if not vim.tbl_contains(allowed, type(value)) then
      return "must be a " .. table.concat(allowed, " or ")
    end
  end
end

local function strings(value)
  if not vim.islist(value) then
    return "must be a list of strings"
  end
  for _, item in ipairs(value) do
    if type(item) ~= "string" then
      return "must be a list of strings"
    end
  end
end

local function size(value)
  if type(value) ~= "number" or value <= 0 then
    return "must be a number above 0"
  end
end

local checks = {
  cmd = function(value)
    if type(value) == "string" and value ~= "" or type(value) == "table" and value[1] and not strings(value) then
      return nil
    end
    return "must be the program, or a list of the program and its arguments"
  end,
  cmd_env = of_type("table"),
  settings = of_type("table"),
  dirty = one_of("save", "warn", "block", "overlay"),
  log_level = one_of("error", "warn", "info", "debug", "trace"),
  root_markers = strings,
  filetypes = function(value)
    if value ~= "*" then
      return strings(value) and 'must be "*" or a list of filetypes'
    end
  end,
  exclude = strings,
  autostart = one_of("use", "open"),
  chat = {
    layout = one_of("right", "left", "bottom", "float", "tab", "current"),
    width = size,
    height = size,
    follow = of_type("boolean"),
    tools = one_of("compact", "normal", "full"),
    thinking = one_of("fold", "always", "never"),
  },
  prompt = {
    height = function(value)
      local ok = type(value) == "table"
        and type(value[1]) == "number"
        and type(value[2]) == "number"
        and 1 <= value[1]
        and value[1] <= value[2]
      return not ok and "must be the smallest and the largest height" or nil
    end,
    send_while_running = one_of("steer", "queue"),
  },
  review = {
    style = one_of("inline", "signs", "off"),
    keys = one_of("session", "always", false),
    max_removed = function(value)
      if type(value) ~= "number" or value < 0 or value % 1 ~= 0 then
        return "must be a whole number"
      end
    end,
  },
  permission = { popup = one_of("chat", "always", "never") },
  notify = one_of("needed", "always", "never"),
  icons = one_of("auto", "unicode", "ascii"),
}

--- Takes over from `given` what passes its check.
local function merge(rules, given, into, prefix, problems)
  for key, value in pairs(given) do
    local name = prefix .. tostring(key)
    local rule = rules[key]
    if rule == nil then
      problems[#problems + 1] = ("unknown key %s"):format(name)
    elseif type(rule) == "table" then
      if type(value) == "table" then
        merge(rule, value, into[key], name .. ".", problems)
      else
        problems[#problems + 1] = ("%s must be a table"):format(name)
      end
    else
      local problem = rule(value)
      if problem then
        problems[#problems + 1] = ("%s %s"):format(name, problem)
      else
        into[key] = value
      end
    end
  end
end

--- The configuration in force, and what is wrong with the user's.
---@return pi.Config config
---@return string[] problems
function M.read()
  local given, problems = vim.g.pi, {}
  if type(given) == "function" then
    local ok, result = pcall(given)
    if not ok then
      problems[#problems + 1] = "the function failed: " .. tostring(result)
    end
    given = ok and result or nil
  end
  local config = vim.deepcopy(M.defaults)
  if type(given) == "table" then
    merge(checks, given, config, "", problems)
  elseif given ~= nil then
    problems[#problems + 1] = "must be a table, or a function that returns one"
  end
  table.sort(problems)
  return config, problems
end

---@return pi.Config
function M.get()
  if not M.current then
    M.current = M.read()
  end
  return M.current
end

--- Settings for the server, those that have a key of their own here included.
---@return table
function M.server_settings()
  local config = M.get()
  return vim.tbl_deep_extend("force", config.settings, config.dirty and { shell = { unsaved = config.dirty } } or {})
end

--- Environment of the server.
---@return table<string, string>
function M.server_env()
  local config = M.get()
  return vim.tbl_extend("keep", config.cmd_env, config.log_level and { PI_LOG = config.log_level } or {})
end

--- Forgets what was read, so that a changed `vim.g.pi` counts (`:Pi restart`).
function M.reset()
  M.current = nil
end

return M
