--- Words for what happens: tool calls, durations, messages. Pure functions.
local M = {}

--- Longest tool headline, in characters.
local HEADLINE = 100

--- `0:41`, `1:02:03`.
---@param seconds number
---@return string
function M.clock(seconds)
  seconds = math.floor(seconds)
  if seconds >= 3600 then
    return ("%d:%02d:%02d"):format(seconds / 3600, seconds / 60 % 60, seconds % 60)
  end
  return ("%d:%02d"):format(seconds / 60, seconds % 60)
end

--- `950`, `12.4k`.
---@param tokens integer
---@return string
function M.tokens(tokens)
  return tokens < 1000 and tostring(tokens) or ("%.1fk"):format(tokens / 1000)
end

--- A path as seen from the project.
---@param path string
---@param root string
---@return string
function M.path(path, root)
  local prefix = root:gsub("/$", "") .. "/"
  return vim.startswith(path, prefix) and path:sub(#prefix + 1) or path
end

local function one_line(text)
  local line = vim.trim(text):gsub("%s*[\r\n]+%s*", " ")
  return vim.fn.strcharlen(line) > HEADLINE and vim.fn.strcharpart(line, 0, HEADLINE - 1) .. "…" or line
end

--- What a tool call is about, in a few words: the command, the path, the pattern.
---@param args table<string, any>
---@param root string
---@return string
function M.arguments(args, root)
  if type(args.command) == "string" then
    return one_line(args.command)
  end
  local path = type(args.path) == "string" and M.path(args.path, root) or nil
  if type(args.pattern) == "string" then
    return one_line(("“%s”%s"):format(args.pattern, path and " in " .. path or ""))
  end
  if path and type(args.offset) == "number" then
    local last = type(args.limit) == "number" and tostring(args.offset + args.limit - 1) or ""
    path = ("%s:%d-%s"):format(path, args.offset, last)
  end
  return path and one_line(path) or ""
end

--- Tools that only look, and what several of them are called.
local quiet = {
  {
    tools = { read = true },
    verb = "read",
    several = function(count)
      return ("%d files"):format(count)
    end,
  },
  {
    tools = { grep = true, find = true },
    verb = "searched",
    several = function(count)
      return ("%d times"):format(count)
    end,
  },
  {
    tools = { ls = true },
    verb = "listed",
    several = function(count)
      return ("%d folders"):format(count)
    end,
  },
}

--- Whether a tool only looks.
---@param name string
---@return boolean
function M.is_quiet(name)
  return vim.iter(quiet):any(function(kind)
    return kind.tools[name] == true
  end)
end

--- How often something was found, as `grep` lists it.
local function hits(listing)
  local count = 0
  for line in vim.gsplit(listing, "\n", { plain = true }) do
    count = count + (line:find("^.-:%d+[:#]") and 1 or 0)
  end
  return count
end

--- What calls that only look come to: `Read 2 files, searched “Backoff” in src · 3 hits`.
---@param calls {name: string, args?: table, output?: string}[]
---@param root string
---@return string
function M.together(calls, root)
  local parts, found = {}, nil
  for _, kind in ipairs(quiet) do
    local about, seen = {}, {}
    for _, call in ipairs(calls) do
      -- Parts of one file are one file.
      local subject = M.arguments(call.args or {}, root):gsub(":%d+%-%d*$", "")
      if kind.tools[call.name] and not seen[subject] then
        seen[subject] = true
        about[#about + 1] = subject
      end
    end
    if #about > 0 then
      parts[#parts + 1] = vim.trim(kind.verb .. " " .. (#about == 1 and about[1] or kind.several(#about)))
    end
  end
  for _, call in ipairs(calls) do
    if call.name == "grep" then
      found = (found or 0) + hits(call.output or "")
    end
  end
  local text = table.concat(parts, ", "):gsub("^%l", string.upper)
  return found and ("%s · %d hit%s"):format(text, found, found == 1 and "" or "s") or text
end

--- What went wrong in an answer, if anything, in words for the user.
---@param message pi.AssistantMessage
---@return pi.Failure?
function M.failure(message)
  if message.stopReason == "error" then
    return message.failure or { kind = "other", headline = message.errorMessage or "The model call failed." }
  end
end

--- What helps against a failure, what helps most first.
local help = {
  key = { "setup", "model" },
  credit = { "model" },
  busy = { "retry", "model" },
  offline = { "retry", "model" },
  cut = { "continue", "retry" },
  context = { "compact", "new", "model" },
  other = { "retry" },
}

--- The commands that help against a failure.
---@param failure pi.Failure
---@return string
function M.help(failure)
  local commands = vim.tbl_map(function(name)
    return ":Pi " .. name
  end, help[failure.kind] or help.other)
  return table.concat(commands, " · ")
end

--- All text of a message's content or of a tool result.
---@param content string|table[]?
---@return string
function M.text(content)
  if type(content) == "string" then
    return content
  end
  local parts = {}
  for _, block in ipairs(content or {}) do
    if block.type == "text" then
      parts[#parts + 1] = block.text
    elseif block.type == "image" then
      parts[#parts + 1] = "[image]"
    end
  end
  return table.concat(parts, "\n")
end

return M
